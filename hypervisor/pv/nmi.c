// NMIs of PV guests: sent by the guest itself or the toolstack, delivered like an exception that no
// mask holds back, one at a time until the handler's iret.
#include "core/sched.h"
#include "cpu/traps.h"
#include "lib/errno.h"
#include "pv/cpu.h"

void pv_set_nmi_handler(struct pv_vcpu *v, uint64_t address)
{
    struct trap_info *t = &v->traps[TRAP_NMI];

    *t = (struct trap_info){.vector = TRAP_NMI, .cs = FLAT_KERNEL_CS64, .address = address};
    TI_SET_IF(t, address != 0);
}

static void deliver(void)
{
    struct pv_vcpu *v = to_pv(current);

    if (is_idle(current) || !v->nmi_pending || (v->slow_iret & SLOW_IRET_NMI))
        return;
    v->nmi_pending = false;
    if (!v->traps[TRAP_NMI].address)
        return;
    v->slow_iret |= SLOW_IRET_NMI;
    pv_inject(&cpu_info()->regs, TRAP_NMI, 0);
}

void pv_nmi_init(void)
{
    work_register(WORK_NMI, deliver);
}

void pv_send_nmi(struct vcpu *v)
{
    to_pv(v)->nmi_pending = true;
    vcpu_kick(v);
    work_raise(v->cpu, WORK_NMI);
}

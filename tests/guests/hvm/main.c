// Start of the bare PVH guest: find the hypervisor, set up the runtime, run the tests, power off.
//
// Options beside those of every test guest: die=NAME (does what must end the guest, die.c), bench
// (measures, bench.c).
#include "pv-abi/hvm/hvm_op.h"
#include "pv-abi/hvm/params.h"
#include "pv-abi/hvm/start_info.h"
#include "pv-abi/memory.h"
#include "pv-abi/sched.h"
#include "pv-abi/vcpu.h"
#include "tests/guests/common/console.h"
#include "tests/guests/hvm/hvm.h"

struct shared_info *shared_info;
const struct hvm_start_info *hvm_info;
uint32_t hypervisor_leaf;

// Not mapped, not canonical, wrapping around; and behind which there is no memory.
void *const bad_pointers[BAD_POINTERS] = {
    (void *)0x0000700000000000, (void *)0x0000000100000000, (void *)HOLE,
    (void *)0xffff800000000000, (void *)0x8000000000001000, (void *)0xfffffffffffffff8,
};

static unsigned console_port;
static uint8_t shared_page[4096] __attribute__((aligned(4096)));

void hvm_main(const struct hvm_start_info *info);

unsigned vcpu_count(void)
{
    unsigned n = 0;

    while (n < MAX_TEST_VCPUS && hc(vcpu_op, VCPUOP_is_up, n, 0) >= 0)
        n++;
    return n;
}

void stay_on_one_cpu(void)
{
    struct sched_pin_override pin = {.pcpu = 0};

    hc(sched_op, SCHEDOP_pin_override, &pin);
}

long add_to_physmap(unsigned space, uint64_t idx, uint64_t gfn)
{
    struct xen_add_to_physmap op = {.domid = DOMID_SELF, .space = space, .idx = idx, .gpfn = gfn};

    return hc(memory_op, XENMEM_add_to_physmap, &op);
}

long hvm_param_get(unsigned index, uint64_t *value)
{
    struct xen_hvm_param op = {.domid = DOMID_SELF, .index = index};
    long rc = hc(hvm_op, HVMOP_get_param, &op);

    *value = op.value;
    return rc;
}

long hvm_param_set(unsigned index, uint64_t value)
{
    struct xen_hvm_param op = {.domid = DOMID_SELF, .index = index, .value = value};

    return hc(hvm_op, HVMOP_set_param, &op);
}

static bool find_hypervisor(void)
{
    for (uint32_t leaf = 0x40000000; leaf < 0x40010000; leaf += 0x100) {
        struct cpuid_result r = cpuid_native(leaf, 0);
        uint32_t name[] = {r.b, r.c, r.d};

        if (memcmp(name, "XenVMMXenVMM", 12) == 0) {
            hypervisor_leaf = leaf;
            return true;
        }
    }
    return false;
}

// Its port stays masked: the daemon that reads sends events too.
static void find_console(void)
{
    uint64_t gfn = 0, port = 0;

    if (hvm_param_get(HVM_PARAM_CONSOLE_PFN, &gfn) == 0 && gfn &&
        hvm_param_get(HVM_PARAM_CONSOLE_EVTCHN, &port) == 0) {
        console_port = (unsigned)port;
        console_init((void *)(gfn << PAGE_SHIFT), console_port);
    }
}

void hvm_main(const struct hvm_start_info *info)
{
    hvm_info = info;
    if (!find_hypervisor())
        for (;;)
            __asm__ volatile("cli; hlt");
    wrmsr(cpuid_native(hypervisor_leaf + 2, 0).b, (uint64_t)hypercall_page);
    find_console();
    trap_init();
    shared_info = (struct shared_info *)shared_page;
    if (add_to_physmap(XENMAPSPACE_shared_info, 0, (uint64_t)shared_page >> PAGE_SHIFT))
        print("FATAL cannot map shared_info\n");
    lapic_setup();
    events_init();
    port_mask(console_port);
    say_version("PVH");
    print("%u vCPUs, arguments: %s\n", vcpu_count(), (char *)info->cmdline_paddr);
    test_options((char *)info->cmdline_paddr);
    die_if_asked();
    bench_if_asked();
    test_run_all((char *)info->cmdline_paddr);
    guest_end();
}

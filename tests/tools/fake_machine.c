#include "tests/tools/fake_machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pv-abi/hvm/hvm_op.h"
#include "pv-abi/grant_table.h"
#include "pv-abi/memory.h"
#include "pv-abi/mmu.h"
#include "stream/format.h"

#define PAGE 4096ul

struct fake_machine machine;

static int memory = -1;
static uint8_t *all;

void machine_reset(void)
{
    if (memory < 0) {
        memory = memfd_create("machine", MFD_CLOEXEC);
        if (memory < 0 || ftruncate(memory, MACHINE_FRAMES * PAGE))
            abort();
        all = mmap(NULL, MACHINE_FRAMES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
        if (all == MAP_FAILED)
            abort();
    }
    for (uint64_t mfn = 0; mfn < MACHINE_FRAMES; mfn++)
        if (machine.owner[mfn])
            memset(all + mfn * PAGE, 0, PAGE);
    memset(&machine, 0, sizeof(machine));
    machine.frames_left = MACHINE_FRAMES;
}

struct control *machine_control(void)
{
    return (struct control *)&machine;
}

void *machine_page(uint64_t mfn)
{
    if (mfn >= MACHINE_FRAMES)
        abort();
    return all + mfn * PAGE;
}

// Scattered, so that nobody can count on neighbours.
static uint64_t free_frame(void)
{
    static uint64_t next = 7;

    if (!machine.frames_left)
        return 0;
    for (unsigned i = 0; i < MACHINE_FRAMES; i++) {
        next = (next + 1237) % MACHINE_FRAMES;
        if (next && !machine.owner[next]) {
            machine.frames_left--;
            return next;
        }
    }
    return 0;
}

uint64_t machine_give(domid_t id, uint32_t pfn)
{
    uint64_t mfn = free_frame();

    if (mfn) {
        machine.owner[mfn] = (uint8_t)id;
        machine.pfn[mfn] = pfn;
        machine.domains[id].pages++;
    }
    return mfn;
}

void machine_create_domain(domid_t id)
{
    machine.domains[id].there = true;
    machine.domains[id].shared_info = machine_give(id, UINT32_MAX);
    machine.domains[id].pages = 0;
}

void machine_create_hvm_domain(domid_t id)
{
    machine_create_domain(id);
    machine.domains[id].hvm = true;
}

uint64_t machine_frame(domid_t id, uint64_t number)
{
    if (!machine.domains[id].hvm)
        return number < MACHINE_FRAMES && machine.owner[number] == id ? number : 0;
    for (uint64_t mfn = 1; mfn < MACHINE_FRAMES; mfn++)
        if (machine.owner[mfn] == id && machine.pfn[mfn] == number && number != UINT32_MAX)
            return mfn;
    return 0;
}

static int refused(const char *what)
{
    return machine.refuse ? machine.refuse(what) : 0;
}

static struct fake_domain *domain(domid_t id)
{
    return id < 4 && machine.domains[id].there ? &machine.domains[id] : NULL;
}

void *control_buffer(struct control *control, size_t size)
{
    return refused("buffer") ? NULL : calloc(1, size);
}

void control_buffer_free(struct control *control, void *buffer, size_t size)
{
    free(buffer);
}

void *control_map(struct control *control, domid_t id, int protection, const uint64_t *frames,
                  size_t count, int *errors)
{
    uint8_t *at;

    errno = -refused("map");
    if (errno)
        return NULL;
    at = mmap(NULL, count * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (machine.before_map)
        machine.before_map();
    for (size_t i = 0; i < count; i++) {
        uint64_t mfn = machine_frame(id, frames[i]);
        bool ok = mfn && !((protection & PROT_WRITE) && machine.type[mfn] & PAGE_PINNED);

        if (errors)
            errors[i] = ok ? 0 : -EINVAL;
        if (ok && mmap(at + i * PAGE, PAGE, protection, MAP_SHARED | MAP_FIXED, memory,
                       (off_t)(mfn * PAGE)) == MAP_FAILED)
            abort();
        if (!ok && !errors) {
            munmap(at, count * PAGE);
            errno = EINVAL;
            return NULL;
        }
    }
    return at;
}

void control_unmap(void *address, size_t count)
{
    if (address)
        munmap(address, count * PAGE);
}

static long populate(struct xen_memory_reservation *r)
{
    if (r->extent_order) // no two frames lie side by side
        return 0;
    for (uint64_t i = 0; i < r->nr_extents; i++) {
        uint64_t mfn = machine_give(r->domid, (uint32_t)r->extent_start[i]);

        if (!mfn)
            return (long)i;
        if (!machine.domains[r->domid].hvm)
            r->extent_start[i] = mfn;
    }
    return (long)r->nr_extents;
}

static void machine_take(domid_t id, uint64_t mfn)
{
    machine.owner[mfn] = 0;
    machine.frames_left++;
    machine.domains[id].pages--;
    memset(machine_page(mfn), 0, PAGE);
}

static long decrease(struct xen_memory_reservation *r)
{
    uint64_t mfn = machine_frame(r->domid, r->extent_start[0]);

    if (!mfn || r->nr_extents != 1)
        return 0;
    machine_take(r->domid, mfn);
    return 1;
}

// A frame of the grant table, which is shown to an HVM domain, is like any other.
static long show(const struct xen_add_to_physmap *add)
{
    return machine_give(add->domid, (uint32_t)add->gpfn) ? 0 : -ENOMEM;
}

static long hide(const struct xen_remove_from_physmap *remove)
{
    uint64_t mfn = machine_frame(remove->domid, remove->gpfn);

    if (!mfn)
        return -ENOENT;
    machine_take(remove->domid, mfn);
    return 0;
}

static long highest(domid_t id)
{
    long last = 0;

    for (uint64_t mfn = 1; mfn < MACHINE_FRAMES; mfn++)
        if (machine.owner[mfn] == id && machine.pfn[mfn] != UINT32_MAX && machine.pfn[mfn] > last)
            last = machine.pfn[mfn];
    return last;
}

long control_memory_op(struct control *control, unsigned command, void *argument, size_t size)
{
    int rc = refused("memory_op");

    if (rc)
        return rc;
    switch (command) {
    case XENMEM_populate_physmap:
        return populate(argument);
    case XENMEM_decrease_reservation:
        return decrease(argument);
    case XENMEM_add_to_physmap:
        return show(argument);
    case XENMEM_remove_from_physmap:
        return hide(argument);
    case XENMEM_maximum_gpfn:
        return highest(*(const domid_t *)argument);
    case XENMEM_maximum_ram_page:
        return MACHINE_FRAMES - 1;
    case XENMEM_set_memory_map:
        return 0;
    default:
        return -ENOSYS;
    }
}

static long setup_grants(struct gnttab_setup_table *op)
{
    uint64_t mfn = machine_give(op->dom, UINT32_MAX);

    op->status = mfn ? GNTST_okay : GNTST_general_error;
    op->frame_list[0] = mfn;
    return 0;
}

static long pin(const struct mmuext_op *ops, uint64_t count, domid_t id)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t mfn = ops[i].arg1.mfn;

        if (mfn >= MACHINE_FRAMES || machine.owner[mfn] != id || ops[i].cmd > MMUEXT_PIN_L4_TABLE)
            return -EINVAL;
        machine.type[mfn] = (uint8_t)(PAGE_PINNED | (PAGE_L1 + ops[i].cmd - MMUEXT_PIN_L1_TABLE));
    }
    return 0;
}

static long hvm_param(uint64_t what, struct xen_hvm_param *p)
{
    uint64_t *value = &machine.domains[p->domid].params[p->index % MACHINE_PARAMS];

    if (p->index >= MACHINE_PARAMS)
        return -EINVAL;
    if (what == HVMOP_set_param)
        *value = p->value;
    else
        p->value = *value;
    return 0;
}

long control_hypercall(struct control *control, unsigned number, const uint64_t a[5])
{
    long rc = refused("hypercall");

    if (rc || (machine.hypercall && machine.hypercall(number, a, &rc)))
        return rc;
    if (number == __HYPERVISOR_grant_table_op)
        return setup_grants((void *)a[1]);
    if (number == __HYPERVISOR_hvm_op)
        return hvm_param(a[0], (void *)a[1]);
    if (number == __HYPERVISOR_mmuext_op)
        return pin((void *)a[0], a[1], (domid_t)a[3]);
    return -ENOSYS;
}

static int frame_types(struct fake_domain *d, domid_t id, struct xen_domctl_getpageframeinfo3 *op)
{
    for (uint64_t i = 0; i < op->num; i++) {
        uint64_t mfn = machine_frame(id, op->array[i]);

        op->array[i] = mfn ? (uint64_t)machine.type[mfn] << XEN_DOMCTL_PFINFO_LTAB_SHIFT
                           : XEN_DOMCTL_PFINFO_XTAB;
    }
    return op->num > STREAM_BATCH ? -E2BIG : 0;
}

static int shadow_op(struct fake_domain *d, domid_t id, struct xen_domctl_shadow_op *op)
{
    switch (op->op) {
    case XEN_DOMCTL_SHADOW_OP_ENABLE:
        if (d->logging)
            return -EINVAL;
        d->logging = true;
        memset(machine.dirty, 0, sizeof(machine.dirty));
        return 0;
    case XEN_DOMCTL_SHADOW_OP_OFF:
        d->logging = false;
        return 0;
    case XEN_DOMCTL_SHADOW_OP_CLEAN:
        memset(op->dirty_bitmap, 0, (op->pages + 7) / 8);
        for (uint64_t mfn = 0; mfn < MACHINE_FRAMES; mfn++)
            if (machine.dirty[mfn] && machine.owner[mfn] == id && machine.pfn[mfn] < op->pages) {
                op->dirty_bitmap[machine.pfn[mfn] / 8] |= (uint8_t)(1u << machine.pfn[mfn] % 8);
                machine.dirty[mfn] = false;
            }
        return 0;
    default:
        return -EINVAL;
    }
}

static int vcpu_op(struct fake_domain *d, struct xen_domctl *op)
{
    uint32_t vcpu = op->u.vcpucontext.vcpu; // the first word of each of these

    if (vcpu >= MACHINE_VCPUS)
        return -EINVAL;
    switch (op->cmd) {
    case XEN_DOMCTL_getvcpuinfo:
        op->u.getvcpuinfo.online = d->online[vcpu];
        return 0;
    case XEN_DOMCTL_getvcpucontext:
        *op->u.vcpucontext.ctxt = d->contexts[vcpu];
        return 0;
    case XEN_DOMCTL_setvcpucontext:
        d->contexts[vcpu] = *op->u.vcpucontext.ctxt;
        d->online[vcpu] = true;
        return 0;
    case XEN_DOMCTL_get_ext_vcpucontext:
        memcpy(&op->u, d->extended[vcpu], 64);
        op->u.ext_vcpucontext.vcpu = vcpu;
        op->u.ext_vcpucontext.size = 64;
        return 0;
    case XEN_DOMCTL_set_ext_vcpucontext:
        memcpy(d->extended[vcpu], &op->u, 64);
        return 0;
    case XEN_DOMCTL_getvcpuextstate:
        if (op->u.vcpuextstate.size)
            memcpy(op->u.vcpuextstate.buffer, d->xstate[vcpu], MACHINE_XSTATE);
        op->u.vcpuextstate.size = MACHINE_XSTATE;
        return 0;
    case XEN_DOMCTL_setvcpuextstate:
        if (op->u.vcpuextstate.size > MACHINE_XSTATE)
            return -EINVAL;
        memcpy(d->xstate[vcpu], op->u.vcpuextstate.buffer, op->u.vcpuextstate.size);
        return 0;
    default: // MSRs: none
        op->u.vcpu_msrs.msr_count = 0;
        return 0;
    }
}

void machine_destroy_domain(domid_t id)
{
    for (uint64_t mfn = 0; mfn < MACHINE_FRAMES; mfn++)
        if (machine.owner[mfn] == id) {
            machine.owner[mfn] = 0;
            machine.type[mfn] = 0;
            machine.frames_left++;
            memset(machine_page(mfn), 0, PAGE);
        }
    memset(&machine.domains[id], 0, sizeof(machine.domains[id]));
}

static int hvm_context(struct fake_domain *d, struct xen_domctl *op)
{
    struct xen_domctl_hvmcontext *c = &op->u.hvmcontext;

    if (op->cmd == XEN_DOMCTL_sethvmcontext && c->size != MACHINE_HVM)
        return -EINVAL;
    if (op->cmd == XEN_DOMCTL_sethvmcontext)
        memcpy(d->hvm_context, c->buffer, MACHINE_HVM);
    else if (c->buffer)
        memcpy(c->buffer, d->hvm_context, MACHINE_HVM);
    c->size = MACHINE_HVM;
    return 0;
}

int control_domctl(struct control *control, struct xen_domctl *op)
{
    struct fake_domain *d;
    int rc = refused("domctl");

    if (rc || (machine.domctl && machine.domctl(op, &rc)))
        return rc;
    d = domain(op->domain);
    if (!d)
        return -ESRCH;
    switch (op->cmd) {
    case XEN_DOMCTL_getdomaininfo:
        op->u.getdomaininfo.shared_info_frame = d->shared_info;
        op->u.getdomaininfo.max_vcpu_id = MACHINE_VCPUS - 1;
        op->u.getdomaininfo.max_pages = MACHINE_FRAMES;
        return 0;
    case XEN_DOMCTL_getpageframeinfo3:
        return frame_types(d, op->domain, &op->u.getpageframeinfo3);
    case XEN_DOMCTL_shadow_op:
        return shadow_op(d, op->domain, &op->u.shadow_op);
    case XEN_DOMCTL_gethvmcontext:
    case XEN_DOMCTL_sethvmcontext:
        return hvm_context(d, op);
    case XEN_DOMCTL_gettscinfo:
        op->u.tsc_info = (struct xen_domctl_tsc_info){.tsc_mode = 2, .gtsc_khz = 1000000};
        return 0;
    case XEN_DOMCTL_get_cpu_policy:
        op->u.cpu_policy.nr_leaves = 3;
        op->u.cpu_policy.nr_msrs = 1;
        return 0;
    case XEN_DOMCTL_settscinfo:
    case XEN_DOMCTL_set_cpu_policy:
        return 0;
    default:
        return vcpu_op(d, op);
    }
}

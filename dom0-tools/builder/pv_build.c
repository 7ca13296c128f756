// From a planned image to a paravirtual domain that can run.
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "builder/build.h"
#include "control/grant_seed.h"
#include "pv-abi/elfnote.h"

#define PAGE_SHIFT  12
#define PAGE_SIZE   4096ul
#define FLAGS_IF    0x202 // rflags: interrupts on, and the bit that is always 1
#define INVALID_MFN UINT64_MAX

static void *frame_at(const struct build *b, uint64_t frame)
{
    const struct layout *l = &b->image->layout;

    if (frame >= l->rest)
        return b->rest + ((frame - l->rest) << PAGE_SHIFT);
    return b->main + ((frame - l->kernel) << PAGE_SHIFT);
}

static int map_guest(struct build *b)
{
    const struct layout *l = &b->image->layout;

    b->main = guest_memory_map(&b->memory, l->kernel, l->stack + 1 - l->kernel);
    if (!b->main)
        return -errno;
    b->rest_pages = (l->initrd_mapped ? 0 : l->initrd_pages) +
                    (l->p2m_elsewhere ? l->p2m_pages + l->nr_p2m_tables : 0);
    if (!b->rest_pages)
        return 0;
    b->rest = guest_memory_map(&b->memory, l->rest, b->rest_pages);
    return b->rest ? 0 : -errno;
}

// The hypervisor takes no page table while someone can write to it.
static void unmap_guest(struct build *b)
{
    const struct layout *l = &b->image->layout;

    control_unmap(b->main, l->stack + 1 - l->kernel);
    control_unmap(b->rest, b->rest_pages);
    b->main = b->rest = NULL;
}

static void write_p2m(const struct build *b)
{
    const struct layout *l = &b->image->layout;
    uint64_t *p2m = frame_at(b, l->p2m);

    memcpy(p2m, b->memory.mfns, l->nr_pages * sizeof(*p2m));
    for (uint64_t i = l->nr_pages; i < l->p2m_pages * (PAGE_SIZE / sizeof(*p2m)); i++)
        p2m[i] = INVALID_MFN;
}

static void write_start_info(const struct build *b)
{
    const struct layout *l = &b->image->layout;
    const struct guest_image *image = b->image;
    struct start_info *si = frame_at(b, l->start_info);

    memset(si, 0, PAGE_SIZE);
    strcpy(si->magic, "xen-3.0-x86_64");
    si->nr_pages = l->nr_pages;
    si->shared_info = b->shared_info << PAGE_SHIFT;
    si->flags = SIF_VIRT_P2M_4TOOLS; // whoever saves the guest can read a mapped P2M list
    si->store_mfn = b->memory.mfns[l->xenstore];
    si->store_evtchn = b->target->xenstore_port;
    si->console.domU.mfn = b->memory.mfns[l->console];
    si->console.domU.evtchn = b->target->console_port;
    si->pt_base = layout_virt(l, l->tables);
    si->nr_pt_frames = l->nr_tables;
    si->mfn_list = l->p2m_virt;
    if (l->p2m_elsewhere) {
        si->first_p2m_pfn = l->p2m;
        si->nr_p2m_frames = l->p2m_pages + l->nr_p2m_tables;
    }
    if (l->initrd_pages) {
        si->mod_len = image->ramdisk_len;
        si->mod_start = l->initrd_mapped ? layout_virt(l, l->initrd) : l->initrd;
        if (!l->initrd_mapped)
            si->flags |= SIF_MOD_START_PFN;
    }
    memcpy(si->cmd_line, image->cmdline, strlen(image->cmdline) + 1);
}

static int fill(struct build *b)
{
    const struct layout *l = &b->image->layout;
    const struct kernel *k = &b->image->kernel;
    int rc = 0;

    kernel_load(k, b->main + (k->min_paddr - k->paddr_offset) % PAGE_SIZE);
    if (l->initrd_pages)
        rc = image_read_ramdisk(b->image, frame_at(b, l->initrd));
    if (rc)
        return rc;
    write_p2m(b);
    write_start_info(b);
    memset(frame_at(b, l->xenstore), 0, PAGE_SIZE);
    memset(frame_at(b, l->console), 0, PAGE_SIZE);
    memset(frame_at(b, l->stack), 0, PAGE_SIZE);
    layout_write_tables(l, b->memory.mfns, frame_at(b, l->tables),
                        l->nr_p2m_tables ? frame_at(b, l->p2m_tables) : NULL);
    return 0;
}

static int fill_hypercall_page(struct build *b)
{
    const struct kernel *k = &b->image->kernel;
    struct xen_domctl op = {.cmd = XEN_DOMCTL_hypercall_init, .domain = b->target->domain};

    if (!kernel_has(k, XEN_ELFNOTE_HYPERCALL_PAGE))
        return 0;
    op.u.hypercall_init.gmfn = b->memory.mfns[(k->hypercall_page - k->virt_base) >> PAGE_SHIFT];
    return control_domctl(b->target->control, &op);
}

static int find_shared_info(struct build *b)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getdomaininfo, .domain = b->target->domain};
    int rc = control_domctl(b->target->control, &op);

    if (!rc && op.domain != b->target->domain)
        rc = -ESRCH;
    b->shared_info = op.u.getdomaininfo.shared_info_frame;
    return rc;
}

// A vCPU starts with events masked.
static int fill_shared_info(struct build *b)
{
    const struct guest_target *t = b->target;
    struct shared_info *s =
        control_map(t->control, t->domain, PROT_READ | PROT_WRITE, &b->shared_info, 1, NULL);

    if (!s)
        return -errno;
    for (unsigned i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
        s->vcpu_info[i].evtchn_upcall_mask = 1;
    control_unmap(s, 1);
    return 0;
}

static int pin_root(struct build *b)
{
    struct control *c = b->target->control;
    struct mmuext_op *op = control_buffer(c, sizeof(*op));
    uint64_t arguments[5] = {(uintptr_t)op, 1, 0, b->target->domain};
    long rc;

    if (!op)
        return -ENOMEM;
    op->cmd = MMUEXT_PIN_L4_TABLE;
    op->arg1.mfn = b->memory.mfns[b->image->layout.tables];
    rc = control_hypercall(c, __HYPERVISOR_mmuext_op, arguments);
    control_buffer_free(c, op, sizeof(*op));
    return rc < 0 ? (int)rc : 0;
}

// Who serves console and xenstore maps their pages by grants.
static int seed_grants(struct build *b)
{
    const struct guest_target *t = b->target;
    const struct layout *l = &b->image->layout;
    struct grant_seed console = {t->console_domain, b->memory.mfns[l->console]};
    struct grant_seed xenstore = {t->xenstore_domain, b->memory.mfns[l->xenstore]};

    return control_seed_grants(t->control, t->domain, console, xenstore);
}

static int set_vcpu(struct build *b)
{
    const struct layout *l = &b->image->layout;
    struct control *control = b->target->control;
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setvcpucontext, .domain = b->target->domain};
    struct vcpu_guest_context *c = control_buffer(control, sizeof(*c));
    int rc;

    if (!c)
        return -ENOMEM;
    c->flags = VGCF_in_kernel | VGCF_online;
    c->user_regs.rip = b->image->kernel.entry;
    c->user_regs.rsp = layout_virt(l, l->stack + 1);
    c->user_regs.rsi = layout_virt(l, l->start_info);
    c->user_regs.rflags = FLAGS_IF;
    c->user_regs.cs = FLAT_KERNEL_CS64;
    c->user_regs.ss = FLAT_KERNEL_SS64;
    c->kernel_ss = c->user_regs.ss;
    c->kernel_sp = c->user_regs.rsp;
    c->ctrlreg[3] = xen_pfn_to_cr3(b->memory.mfns[l->tables]);
    op.u.vcpucontext.ctxt = c;
    rc = control_domctl(control, &op);
    control_buffer_free(control, c, sizeof(*c));
    return rc;
}

static int populate(struct build *b)
{
    const struct layout *l = &b->image->layout;
    int rc = guest_memory_populate(&b->memory, b->target->control, b->target->domain, l->nr_pages);

    if (rc)
        return rc;
    b->result->console_mfn = b->memory.mfns[l->console];
    b->result->xenstore_mfn = b->memory.mfns[l->xenstore];
    return 0;
}

static int load(struct build *b)
{
    int rc = map_guest(b);

    if (!rc)
        rc = fill(b);
    unmap_guest(b);
    return rc;
}

const struct build_step pv_build_steps[] = {
    {populate, "it cannot be given memory", false},
    {find_shared_info, "it cannot be looked up", false},
    {load, "its memory cannot be filled", true},
    {fill_hypercall_page, "its hypercall page cannot be filled", false},
    {fill_shared_info, "its shared page cannot be filled", false},
    {pin_root, "its page tables are refused", false},
    {seed_grants, "its grant table cannot be filled", false},
    {set_vcpu, "its vCPU cannot be set up", false},
    {NULL, NULL, false},
};

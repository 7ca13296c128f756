// From a planned image to a domain that can run.
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "builder/builder.h"
#include "builder/image.h"
#include "builder/memory.h"
#include "control/grant_seed.h"
#include "pv-abi/elfnote.h"

#define PAGE_SHIFT  12
#define PAGE_SIZE   4096ul
#define FLAGS_IF    0x202 // rflags: interrupts on, and the bit that is always 1
#define INVALID_MFN UINT64_MAX

struct build {
    struct pv_image *image;
    const struct layout *layout;
    const struct pv_target *target;
    struct guest_memory memory;
    uint8_t *main; // guest frames [layout->kernel, layout->stack]
    uint8_t *rest; // [layout->rest, ...), if there is anything
    uint64_t rest_pages;
    uint64_t shared_info; // machine frame
};

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *frame_at(const struct build *b, uint64_t frame)
{
    const struct layout *l = b->layout;

    if (frame >= l->rest)
        return b->rest + ((frame - l->rest) << PAGE_SHIFT);
    return b->main + ((frame - l->kernel) << PAGE_SHIFT);
}

static int map_guest(struct build *b)
{
    const struct layout *l = b->layout;

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
    const struct layout *l = b->layout;

    control_unmap(b->main, l->stack + 1 - l->kernel);
    control_unmap(b->rest, b->rest_pages);
    b->main = b->rest = NULL;
}

static int load_ramdisk(struct build *b)
{
    const struct pv_image *image = b->image;
    uint8_t *to;

    if (!b->layout->initrd_pages)
        return 0;
    to = frame_at(b, b->layout->initrd);
    for (uint64_t at = 0; at < image->ramdisk_len;) {
        ssize_t n = pread(image->ramdisk, to + at, image->ramdisk_len - at, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -EIO;
        at += (uint64_t)n;
    }
    return 0;
}

static void write_p2m(const struct build *b)
{
    const struct layout *l = b->layout;
    uint64_t *p2m = frame_at(b, l->p2m);

    memcpy(p2m, b->memory.mfns, l->nr_pages * sizeof(*p2m));
    for (uint64_t i = l->nr_pages; i < l->p2m_pages * (PAGE_SIZE / sizeof(*p2m)); i++)
        p2m[i] = INVALID_MFN;
}

static void write_start_info(const struct build *b)
{
    const struct layout *l = b->layout;
    const struct pv_image *image = b->image;
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
    const struct layout *l = b->layout;
    const struct kernel *k = &b->image->kernel;
    int rc;

    kernel_load(k, b->main + (k->min_paddr - k->paddr_offset) % PAGE_SIZE);
    rc = load_ramdisk(b);
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
    const struct pv_target *t = b->target;
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
    op->arg1.mfn = b->memory.mfns[b->layout->tables];
    rc = control_hypercall(c, __HYPERVISOR_mmuext_op, arguments);
    control_buffer_free(c, op, sizeof(*op));
    return rc < 0 ? (int)rc : 0;
}

// Who serves console and xenstore maps their pages by grants.
static int seed_grants(struct build *b)
{
    const struct pv_target *t = b->target;
    const struct layout *l = b->layout;
    struct grant_seed console = {t->console_domain, b->memory.mfns[l->console]};
    struct grant_seed xenstore = {t->xenstore_domain, b->memory.mfns[l->xenstore]};

    return control_seed_grants(t->control, t->domain, console, xenstore);
}

static int set_vcpu(struct build *b)
{
    const struct layout *l = b->layout;
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

// What of the machine is free, for whoever asked for more.
static int say_no_memory(const struct build *b, FILE *messages)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_physinfo};
    uint64_t free = 0;

    if (!control_sysctl(b->target->control, &op))
        free = op.u.physinfo.free_pages - op.u.physinfo.outstanding_pages;
    fprintf(messages,
            "no memory for the guest: it wants %" PRIu64 " MB, and %" PRIu64
            " MB are free; make the guest smaller or take memory from another domain\n",
            b->layout->nr_pages / 256, free / 256);
    return -ENOMEM;
}

static int load(struct build *b)
{
    int rc = map_guest(b);

    if (!rc)
        rc = fill(b);
    unmap_guest(b);
    return rc;
}

// What is done to a domain that has its memory, in this order.
static const struct step {
    int (*run)(struct build *b);
    const char *what;
} steps[] = {
    {find_shared_info, "it cannot be looked up"},
    {load, "its memory cannot be filled"},
    {fill_hypercall_page, "its hypercall page cannot be filled"},
    {fill_shared_info, "its shared page cannot be filled"},
    {pin_root, "its page tables are refused"},
    {seed_grants, "its grant table cannot be filled"},
    {set_vcpu, "its vCPU cannot be set up"},
};

static int run_steps(struct build *b, FILE *messages)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        int rc = steps[i].run(b);

        if (!rc)
            continue;
        if (steps[i].run == load && rc == -EIO && b->image->ramdisk_path)
            fprintf(messages, "%s: became shorter while it was read\n", b->image->ramdisk_path);
        else
            fprintf(messages, "domain %u cannot be built: %s: %s\n", b->target->domain,
                    steps[i].what, strerror(-rc));
        return rc;
    }
    return 0;
}

int pv_image_build(struct pv_image *image, const struct pv_target *target, FILE *messages,
                   struct pv_build *result)
{
    struct build b = {.image = image, .layout = &image->layout, .target = target};
    uint64_t start = now(), populated;
    int rc =
        guest_memory_populate(&b.memory, target->control, target->domain, image->layout.nr_pages);

    if (rc == -ENOMEM)
        return say_no_memory(&b, messages);
    if (rc) {
        fprintf(messages, "domain %u cannot be given memory: %s\n", target->domain, strerror(-rc));
        return rc;
    }
    populated = now();
    rc = run_steps(&b, messages);
    *result = (struct pv_build){
        .console_mfn = b.memory.mfns[b.layout->console],
        .xenstore_mfn = b.memory.mfns[b.layout->xenstore],
        .populate_ns = populated - start,
        .load_ns = now() - populated,
    };
    guest_memory_free(&b.memory);
    return rc;
}

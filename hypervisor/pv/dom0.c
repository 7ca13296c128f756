#include "pv/dom0.h"

#include "core/rangeset.h"
#include "cpu/ioapic.h"
#include "lib/bug.h"
#include "lib/bzimage.h"
#include "lib/cmdline.h"
#include "lib/decompress.h"
#include "lib/elf.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "platform/platform.h"
#include "pv-abi/start_info.h"
#include "pv-abi/vga.h"
#include "pv/cpu.h"
#include "pv/mmu.h"

static unsigned opt_max_vcpus;
CMDLINE_UINT("dom0_max_vcpus", opt_max_vcpus, "domain 0's vCPUs (default: as many as CPUs)");

struct kernel {
    const void *file; // the ELF file, decompressed
    size_t bytes;
    unsigned order; // of the buffer it lies in
    bool allocated;
    struct elf_image elf;
    struct xen_kernel_info info;
};

// Decompresses the payload of a bzImage, or of a bare compressed ELF file.
static void unpack(struct kernel *k, const void *in, size_t len)
{
    void *work = pages_alloc(pages_order(DECOMPRESS_WORK_SIZE));
    const char *format = decompress_format_name(decompress_detect(in, len));
    size_t size = 0;
    void *out;
    int rc = decompress_size(in, len, &size);

    if (rc)
        panic("domain 0's kernel: %s payload: error %d\n", format, rc);
    k->order = pages_order(size);
    out = pages_alloc(k->order);
    if (!out || !work)
        panic("no %lu MB to unpack domain 0's kernel\n", size >> 20);
    log_info("  unpacking, %s, %lu KB to %lu KB\n", format, len >> 10, size >> 10);
    rc = decompress(in, len, out, (size_t)PAGE_SIZE << k->order, &k->bytes, work,
                    DECOMPRESS_WORK_SIZE);
    if (rc)
        panic("domain 0's kernel: damaged %s payload (error %d)\n", format, rc);
    pages_free(work, pages_order(DECOMPRESS_WORK_SIZE));
    k->file = out;
    k->allocated = true;
}

static void kernel_open(struct kernel *k, const void *image, size_t len)
{
    const void *payload = image;
    size_t payload_len = len;
    int rc = bzimage_payload(image, len, &payload, &payload_len);

    if (rc == -EINVAL)
        panic("domain 0's kernel is a damaged bzImage\n");
    if (decompress_detect(payload, payload_len) != DECOMPRESS_UNKNOWN) {
        unpack(k, payload, payload_len);
    } else {
        k->file = payload;
        k->bytes = payload_len;
    }
    rc = elf_parse(&k->elf, k->file, k->bytes);
    if (rc)
        panic("domain 0's kernel: not a 64-bit x86 ELF file (error %d)\n", rc);
    rc = xen_notes_parse(&k->info, &k->elf);
    if (rc)
        panic("domain 0's kernel: %s\n", k->info.problem);
    log_info("  %s %s, entry %#lx, base %#lx\n", k->info.guest_os, k->info.guest_version,
             k->info.entry, k->info.virt_base);
}

static void kernel_load(struct kernel *k, const struct dom0_memory *m)
{
    int rc = elf_load(&k->elf, dom0_va(m, 0), k->elf.max_paddr - k->info.paddr_offset,
                      k->info.paddr_offset);

    if (rc)
        panic("domain 0's kernel cannot be loaded: error %d\n", rc);
    if (k->allocated)
        pages_free((void *)(uintptr_t)k->file, k->order);
    if (xen_kernel_has(&k->info, XEN_ELFNOTE_HYPERCALL_PAGE))
        pv_hypercall_page_fill(
            dom0_va(m, (k->info.hypercall_page - k->info.virt_base) >> PAGE_SHIFT));
}

static void copy_initrd(const struct dom0_input *in, const struct dom0_layout *l,
                        const struct dom0_memory *m)
{
    const char *from = maddr_to_virt(in->initrd_start);
    uint64_t left = in->initrd_end - in->initrd_start;

    for (gfn_t gfn = l->initrd; left; gfn++) {
        uint64_t n = MIN(left, (uint64_t)PAGE_SIZE);

        memcpy(dom0_va(m, gfn), from, n);
        from += n;
        left -= n;
    }
}

static void write_p2m(const struct dom0_layout *l, const struct dom0_memory *m)
{
    for (uint64_t i = 0; i < l->p2m_pages * (PAGE_SIZE / 8); i++) {
        uint64_t *page = dom0_va(m, l->p2m + i / 512);

        page[i % 512] = i < m->nr_pages ? dom0_mfn(m, i) : INVALID_MFN;
    }
}

static void write_start_info(const struct dom0_input *in, const struct kernel *k,
                             const struct dom0_layout *l, const struct dom0_memory *m)
{
    struct start_info *si = dom0_va(m, l->start_info);

    memset(si, 0, PAGE_SIZE);
    strlcpy(si->magic, "xen-3.0-x86_64", sizeof(si->magic));
    si->nr_pages = m->nr_pages;
    si->shared_info = virt_to_maddr(dom0->shared_info);
    si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
    si->pt_base = l->virt_base + (l->tables << PAGE_SHIFT);
    si->nr_pt_frames = l->nr_tables;
    si->mfn_list = l->p2m_virt;
    if (l->nr_p2m_tables) {
        si->first_p2m_pfn = l->p2m;
        si->nr_p2m_frames = l->p2m_pages + l->nr_p2m_tables;
    }
    if (l->initrd_pages) {
        si->mod_len = in->initrd_end - in->initrd_start;
        si->mod_start = l->initrd_mapped ? l->virt_base + (l->initrd << PAGE_SHIFT) : l->initrd;
        if (!l->initrd_mapped)
            si->flags |= SIF_MOD_START_PFN;
    }
    strlcpy((char *)si->cmd_line, in->cmdline, sizeof(si->cmd_line));
    if (in->video) {
        si->console.dom0.info_off = sizeof(*si);
        si->console.dom0.info_size = sizeof(struct dom0_vga_console_info);
        memcpy(si + 1, in->video, sizeof(struct dom0_vga_console_info));
    }
}

// The root table starts out pinned, as the toolstack leaves it for other domains.
static int pin_root(mfn_t mfn)
{
    struct frame *f = mfn_to_frame(mfn);
    int rc;

    if (!frame_get(f, dom0))
        return -EINVAL;
    rc = frame_get_type(f, FT_L4, false);
    if (!rc)
        __atomic_fetch_or(&f->state, FS_PINNED, __ATOMIC_SEQ_CST);
    return rc;
}

static void start_vcpu(const struct kernel *k, const struct dom0_layout *l,
                       const struct dom0_memory *m, gfn_t root)
{
    struct vcpu_guest_context *c = xzalloc(struct vcpu_guest_context);
    struct vcpu *v = vcpu_create(dom0, 0);
    int rc;

    if (!c || !v)
        panic("no memory for domain 0's vCPU\n");
    c->flags = VGCF_in_kernel | VGCF_online;
    c->user_regs.rip = k->info.entry;
    c->user_regs.rsp = l->virt_base + ((l->stack + 1) << PAGE_SHIFT);
    c->user_regs.rsi = l->virt_base + (l->start_info << PAGE_SHIFT);
    c->user_regs.cs = FLAT_KERNEL_CS64;
    c->user_regs.ss = FLAT_KERNEL_SS64;
    c->kernel_ss = FLAT_KERNEL_SS64;
    c->kernel_sp = c->user_regs.rsp;
    c->ctrlreg[3] = xen_pfn_to_cr3(dom0_mfn(m, root));
    rc = pin_root(dom0_mfn(m, root));
    if (!rc)
        rc = v->domain->ops->vcpu_set_context(v, c);
    if (rc)
        panic("domain 0's page tables were refused: error %d\n", rc);
    xfree(c);
    v->info->evtchn_upcall_mask = 1;
    v->pause_flags &= ~(uint64_t)VPF_DOWN;
}

// All ports and memory but what the hypervisor drives itself.
static void grant_hardware(struct domain *d)
{
    uint16_t port_first, port_last;
    uint64_t first, last;
    int rc = rangeset_add(d->io_ports, 0, 0xffff);

    if (!rc)
        rc = rangeset_add(d->io_memory, 0, ~0ull >> PAGE_SHIFT);
    if (!rc)
        rc = rangeset_add(d->irqs, 0, gsi_count() - 1);
    for (unsigned i = 0; !rc && platform_claimed_ports(&i, &port_first, &port_last);)
        rc = rangeset_remove(d->io_ports, port_first, port_last);
    for (unsigned i = 0; !rc && platform_claimed_memory(&i, &first, &last);)
        rc = rangeset_remove(d->io_memory, first >> PAGE_SHIFT, last >> PAGE_SHIFT);
    if (rc)
        panic("no memory for domain 0's permissions\n");
}

void dom0_build(const struct dom0_input *in)
{
    static struct dom0_memory memory;
    static struct kernel k;
    struct dom0_layout l = {0};
    unsigned vcpus = opt_max_vcpus ? MIN(opt_max_vcpus, (unsigned)MAX_VCPUS) : nr_cpus;
    uint64_t pages;
    gfn_t root;

    log_info("Building domain 0: kernel %lu KB, initial RAM disk %lu KB\n",
             (in->kernel_end - in->kernel_start) >> 10, (in->initrd_end - in->initrd_start) >> 10);
    domain_register_kind(&pv_domain_ops);
    if (domain_create(0, &pv_domain_ops, vcpus, 0, true, &dom0))
        panic("no memory for domain 0\n");
    kernel_open(&k, maddr_to_virt(in->kernel_start), in->kernel_end - in->kernel_start);
    pages = dom0_memory_wanted();
    dom0->mem.max_pages = (uint32_t)pages;
    dom0_layout_plan(&l, &k.info, k.elf.max_paddr, in->initrd_end - in->initrd_start, pages);
    dom0_memory_alloc(dom0, &memory, k.elf.max_paddr >> PAGE_SHIFT);
    log_info("  %lu MB of memory in %u extents, %u vCPUs\n", memory.nr_pages >> (20 - PAGE_SHIFT),
             memory.nr_extents, vcpus);
    kernel_load(&k, &memory);
    copy_initrd(in, &l, &memory);
    write_p2m(&l, &memory);
    write_start_info(in, &k, &l, &memory);
    root = dom0_tables_write(&l, &memory);
    grant_hardware(dom0);
    start_vcpu(&k, &l, &memory, root);
    for (unsigned id = 1; id < vcpus; id++)
        if (!vcpu_create(dom0, id))
            panic("no memory for domain 0's vCPU %u\n", id);
}

// What a kernel says of itself, and whether a guest can be made of it.
#include "builder/kernel.h"

#include <errno.h>
#include <string.h>

#include "pv-abi/elfnote.h"
#include "pv-abi/features.h"

#define PAGE_SIZE      4096
#define PVH_LIMIT      (1ull << 32) // the entry is in 32-bit mode
#define FIRMWARE_START 0x100000     // what lies below is what it makes
#define FEATURE(name)                            \
    {                                            \
#name, sizeof(#name) - 1, XENFEAT_##name \
    }

// Those that a paravirtual guest may require. (Page tables are not writable; but every Linux says
// that it requires them to be, and every tool lets it.)
static const struct feature {
    const char *name;
    size_t len;
    unsigned bit;
} offered[] = {
    FEATURE(writable_page_tables),
    FEATURE(writable_descriptor_tables),
    FEATURE(pae_pgdir_above_4gb),
    FEATURE(mmu_pt_update_preserve_ad),
    FEATURE(highmem_assist),
    FEATURE(gnttab_map_avail_bits),
    FEATURE(dom0),
    FEATURE(memory_op_vnode_supported),
    FEATURE(linux_rsdp_unrestricted),
    FEATURE(not_direct_mapped),
};

static const struct feature *find_feature(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(offered) / sizeof(offered[0]); i++)
        if (offered[i].len == len && !memcmp(offered[i].name, name, len))
            return offered + i;
    return NULL;
}

// Names joined by '|', with '!' before those that the kernel cannot do without.
static int read_features(struct kernel *k, const struct kernel_note *note)
{
    const char *p = (const char *)note->desc, *end = p + note->desc_len;

    while (p < end && *p) {
        size_t len = 0;

        while (p + len < end && p[len] && !strchr("| ", p[len]))
            len++;
        if (len > 1 && *p == '!') {
            const struct feature *f = find_feature(p + 1, len - 1);

            if (!f)
                return kernel_fail(
                    k, -EOPNOTSUPP,
                    "it requires the feature %.*s, which paravirtual guests have not",
                    (int)(len - 1 > 40 ? 40 : len - 1), p + 1);
            k->features_required |= 1u << f->bit;
        }
        p += len;
        if (p < end && *p)
            p++;
    }
    return 0;
}

static int read_number(struct kernel *k, const struct kernel_note *note, uint64_t *value)
{
    if (note->desc_len != 1 && note->desc_len != 2 && note->desc_len != 4 && note->desc_len != 8)
        return kernel_fail(k, -EINVAL, "its ELF note %u holds no number", note->type);
    *value = 0;
    for (uint32_t i = note->desc_len; i-- > 0;)
        *value = *value << 8 | note->desc[i];
    return 0;
}

// Texts end with their note or a NUL, and are cut to what there is room for.
static int read_text(const struct kernel_note *note, char text[KERNEL_TEXT_MAX])
{
    size_t n = 0;

    for (; n < note->desc_len && n < KERNEL_TEXT_MAX - 1 && note->desc[n]; n++)
        text[n] = (char)(note->desc[n] >= ' ' && note->desc[n] < 127 ? note->desc[n] : '?');
    text[n] = '\0';
    return 0;
}

static int read_note(struct kernel *k, const struct kernel_note *note)
{
    uint64_t number = 0;
    int rc;

    if (note->type > XEN_ELFNOTE_MAX)
        return 0;
    k->notes |= 1ull << note->type;
    switch (note->type) {
    case XEN_ELFNOTE_ENTRY:
        return read_number(k, note, &k->entry);
    case XEN_ELFNOTE_VIRT_BASE:
        return read_number(k, note, &k->virt_base);
    case XEN_ELFNOTE_PADDR_OFFSET:
        return read_number(k, note, &k->paddr_offset);
    case XEN_ELFNOTE_HYPERCALL_PAGE:
        return read_number(k, note, &k->hypercall_page);
    case XEN_ELFNOTE_INIT_P2M:
        return read_number(k, note, &k->init_p2m);
    case XEN_ELFNOTE_MOD_START_PFN:
        rc = read_number(k, note, &number);
        k->mod_start_pfn = number;
        return rc;
    case XEN_ELFNOTE_PHYS32_ENTRY:
        return read_number(k, note, &k->pvh_entry);
    case XEN_ELFNOTE_GUEST_OS:
        return read_text(note, k->guest_os);
    case XEN_ELFNOTE_GUEST_VERSION:
        return read_text(note, k->guest_version);
    case XEN_ELFNOTE_FEATURES:
        return read_features(k, note);
    default:
        return 0;
    }
}

// The image as mapped must not wrap and must hold its entry and its hypercall page.
static int check_layout(struct kernel *k)
{
    uint64_t shift = k->virt_base - k->paddr_offset;
    uint64_t start = k->min_paddr + shift, end = k->max_paddr + shift;

    if ((k->virt_base | k->init_p2m | k->paddr_offset) % PAGE_SIZE)
        return kernel_fail(k, -EINVAL, "an address in its ELF notes is not a multiple of a page");
    if (k->min_paddr < k->paddr_offset || start >= end || start < k->virt_base)
        return kernel_fail(k, -EINVAL, "its segments do not lie behind its virtual base");
    if (k->entry < start || k->entry >= end)
        return kernel_fail(k, -EINVAL, "its entry is not inside it");
    if (kernel_has(k, XEN_ELFNOTE_HYPERCALL_PAGE) &&
        (k->hypercall_page < start || k->hypercall_page >= end ||
         end - k->hypercall_page < PAGE_SIZE || k->hypercall_page % PAGE_SIZE))
        return kernel_fail(k, -EINVAL, "its hypercall page is no page inside it");
    return 0;
}

static int parse(struct kernel *k, const void *file, size_t len)
{
    int rc;

    *k = (struct kernel){.file = file, .len = len};
    rc = kernel_parse_elf(k);
    return rc ? rc : kernel_each_note(k, read_note);
}

int kernel_parse(struct kernel *k, const void *file, size_t len)
{
    int rc = parse(k, file, len);

    if (rc == -ENOENT)
        return kernel_fail(
            k, rc, "no Xen ELF notes: not made for paravirtual guests (Linux: CONFIG_XEN_PV)");
    if (!rc && kernel_has(k, XEN_ELFNOTE_PHYS32_ENTRY) && !kernel_has(k, XEN_ELFNOTE_VIRT_BASE))
        return kernel_fail(k, -ENOENT, "made for PVH, not for paravirtual guests");
    return rc ? rc : check_layout(k);
}

static int check_pvh_entry(struct kernel *k)
{
    if (k->max_paddr > PVH_LIMIT)
        return kernel_fail(k, -EINVAL, "its segments do not lie below 4 GB");
    if (k->pvh_entry < k->min_paddr || k->pvh_entry >= k->max_paddr)
        return kernel_fail(k, -EINVAL, "its PVH entry is not inside it");
    return 0;
}

int kernel_parse_pvh(struct kernel *k, const void *file, size_t len)
{
    int rc = parse(k, file, len);

    if (rc == -ENOENT || (!rc && !kernel_has(k, XEN_ELFNOTE_PHYS32_ENTRY)))
        return kernel_fail(k, -ENOENT,
                           "no ELF note PHYS32_ENTRY: not made for PVH (Linux: CONFIG_PVH)");
    if (rc)
        return rc;
    k->paddr_offset = 0; // it is about virtual addresses
    return check_pvh_entry(k);
}

int kernel_parse_firmware(struct kernel *k, const void *file, size_t len)
{
    int rc;

    *k = (struct kernel){.file = file, .len = len, .elf32 = true, .guest_os = "firmware"};
    rc = kernel_parse_elf(k);
    k->pvh_entry = k->entry;
    if (!rc && k->min_paddr < FIRMWARE_START)
        return kernel_fail(k, -EINVAL, "its segments do not lie above 1 MB");
    return rc ? rc : check_pvh_entry(k);
}

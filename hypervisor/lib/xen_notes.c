#include "lib/xen_notes.h"

#include <stddef.h>

#include "lib/bits.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/string.h"

// What a kernel may require, whether it is a PV guest's or not: unknown names must be errors.
static const char *const feature_names[] = {
    "writable_page_tables",
    "writable_descriptor_tables",
    "auto_translated_physmap",
    "supervisor_mode_kernel",
    "pae_pgdir_above_4gb",
    "mmu_pt_update_preserve_ad",
    "highmem_assist",
    "gnttab_map_avail_bits",
    "hvm_callback_vector",
    "hvm_safe_pvclock",
    "hvm_pirqs",
    "dom0",
    "memory_op_vnode_supported",
    "ARM_SMCCC_supported",
    "linux_rsdp_unrestricted",
    "not_direct_mapped",
    "direct_mapped",
};

// The notes that are a number or a text, and where it goes.
static const struct {
    enum { NOTE_IGNORED, NOTE_NUMBER, NOTE_TEXT } kind;
    size_t offset;
} notes[XEN_ELFNOTE_MAX + 1] = {
#define INFO(field) offsetof(struct xen_kernel_info, field)
    [XEN_ELFNOTE_ENTRY] = {NOTE_NUMBER, INFO(entry)},
    [XEN_ELFNOTE_HYPERCALL_PAGE] = {NOTE_NUMBER, INFO(hypercall_page)},
    [XEN_ELFNOTE_VIRT_BASE] = {NOTE_NUMBER, INFO(virt_base)},
    [XEN_ELFNOTE_PADDR_OFFSET] = {NOTE_NUMBER, INFO(paddr_offset)},
    [XEN_ELFNOTE_GUEST_OS] = {NOTE_TEXT, INFO(guest_os)},
    [XEN_ELFNOTE_GUEST_VERSION] = {NOTE_TEXT, INFO(guest_version)},
    [XEN_ELFNOTE_INIT_P2M] = {NOTE_NUMBER, INFO(init_p2m)},
    [XEN_ELFNOTE_MOD_START_PFN] = {NOTE_NUMBER, INFO(mod_start_pfn)},
#undef INFO
};

static int fail(struct xen_kernel_info *info, int error, const char *problem)
{
    info->problem = problem;
    return error;
}

static int read_number(const uint8_t *p, uint32_t len, uint64_t *value)
{
    if (len != 1 && len != 2 && len != 4 && len != 8)
        return -EINVAL;
    *value = 0;
    while (len-- > 0)
        *value = *value << 8 | p[len];
    return 0;
}

// Texts end with their note or a NUL, and are cut to what there is room for.
static void read_text(const uint8_t *p, uint32_t len, char *text)
{
    size_t n = 0;

    for (; n < len && n < XEN_NOTE_TEXT_MAX - 1 && p[n]; n++)
        text[n] = (char)p[n];
    text[n] = '\0';
}

static bool is_feature(const char *name, size_t len)
{
    for (unsigned i = 0; i < ARRAY_SIZE(feature_names); i++)
        if (strlen(feature_names[i]) == len && !strncmp(feature_names[i], name, len))
            return true;
    return false;
}

// Names joined by '|', with '!' before those that the kernel cannot do without.
static int check_features(struct xen_kernel_info *info, const struct elf_note *note)
{
    const char *p = (const char *)note->desc, *end = p + note->desc_len;

    while (p < end && *p) {
        const char *name = p;

        while (p < end && *p && *p != '|' && *p != ' ')
            p++;
        if (p > name && *name == '!' && !is_feature(name + 1, (size_t)(p - name) - 1)) {
            read_text((const uint8_t *)name + 1, (uint32_t)(p - name) - 1, info->unknown_feature);
            return fail(info, -EOPNOTSUPP, "it requires a feature of an unknown name");
        }
        if (p < end && *p)
            p++;
    }
    return 0;
}

static int read_note(const struct elf_note *note, void *context)
{
    struct xen_kernel_info *info = context;
    void *field;

    if (note->type > XEN_ELFNOTE_MAX)
        return 0;
    info->present |= 1ull << note->type;
    if (note->type == XEN_ELFNOTE_FEATURES)
        return check_features(info, note);
    field = (uint8_t *)info + notes[note->type].offset;
    if (notes[note->type].kind == NOTE_TEXT)
        read_text(note->desc, note->desc_len, field);
    if (notes[note->type].kind == NOTE_NUMBER && read_number(note->desc, note->desc_len, field))
        return fail(info, -EINVAL, "a note holds no number where one must be");
    return 0;
}

// The image as mapped must not wrap and must hold the entry; what is asked to be mapped elsewhere
// must not fall into it.
static int check_layout(struct xen_kernel_info *info, const struct elf_image *elf)
{
    uint64_t shift = info->virt_base - info->paddr_offset;

    info->virt_start = elf->min_paddr + shift;
    info->virt_end = elf->max_paddr + shift;
    if (info->virt_start >= info->virt_end)
        return fail(info, -EINVAL, "its virtual addresses wrap around");
    if (info->virt_base > info->virt_start)
        return fail(info, -EINVAL, "it lies below its XEN_ELFNOTE_VIRT_BASE");
    if (info->entry < info->virt_start || info->entry >= info->virt_end)
        return fail(info, -EINVAL, "its entry is not inside it");
    if (xen_kernel_has(info, XEN_ELFNOTE_HYPERCALL_PAGE) &&
        (info->hypercall_page < info->virt_start || info->hypercall_page >= info->virt_end ||
         info->virt_end - info->hypercall_page < 4096 || info->hypercall_page & 4095))
        return fail(info, -EINVAL, "its hypercall page is no page inside it");
    if (xen_kernel_has(info, XEN_ELFNOTE_INIT_P2M) && info->init_p2m >= info->virt_start &&
        info->init_p2m < info->virt_end)
        return fail(info, -EINVAL, "XEN_ELFNOTE_INIT_P2M is inside it");
    return 0;
}

int xen_notes_parse(struct xen_kernel_info *info, const struct elf_image *elf)
{
    int ret;

    *info = (struct xen_kernel_info){.entry = elf->entry};
    ret = elf_for_each_xen_note(elf, read_note, info);
    if (ret == -ENOENT)
        return fail(info, ret, "it has no Xen ELF notes");
    if (ret && !info->problem)
        return fail(info, ret, "its ELF notes are damaged");
    return ret ? ret : check_layout(info, elf);
}

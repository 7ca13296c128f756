#include "lib/xen_notes.h"

#include <stddef.h>

#include "lib/bits.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/string.h"

#define NAME(feature) [XENFEAT_##feature] = #feature

static const char *const feature_names[] = {
    NAME(writable_page_tables),
    NAME(writable_descriptor_tables),
    NAME(auto_translated_physmap),
    NAME(supervisor_mode_kernel),
    NAME(pae_pgdir_above_4gb),
    NAME(mmu_pt_update_preserve_ad),
    NAME(highmem_assist),
    NAME(gnttab_map_avail_bits),
    NAME(hvm_callback_vector),
    NAME(hvm_safe_pvclock),
    NAME(hvm_pirqs),
    NAME(dom0),
    NAME(memory_op_vnode_supported),
    NAME(ARM_SMCCC_supported),
    NAME(linux_rsdp_unrestricted),
    NAME(not_direct_mapped),
    NAME(direct_mapped),
};

const char *xen_feature_name(unsigned bit)
{
    return bit < ARRAY_SIZE(feature_names) ? feature_names[bit] : NULL;
}

enum note_kind { NOTE_IGNORED, NOTE_NUMBER, NOTE_TEXT };

// The notes that are a number or a text, and where it goes.
static const struct {
    enum note_kind kind;
    size_t offset;
} notes[XEN_ELFNOTE_MAX + 1] = {
#define INFO(field) offsetof(struct xen_kernel_info, field)
    [XEN_ELFNOTE_ENTRY] = {NOTE_NUMBER, INFO(entry)},
    [XEN_ELFNOTE_HYPERCALL_PAGE] = {NOTE_NUMBER, INFO(hypercall_page)},
    [XEN_ELFNOTE_VIRT_BASE] = {NOTE_NUMBER, INFO(virt_base)},
    [XEN_ELFNOTE_PADDR_OFFSET] = {NOTE_NUMBER, INFO(paddr_offset)},
    [XEN_ELFNOTE_XEN_VERSION] = {NOTE_TEXT, INFO(xen_version)},
    [XEN_ELFNOTE_GUEST_OS] = {NOTE_TEXT, INFO(guest_os)},
    [XEN_ELFNOTE_GUEST_VERSION] = {NOTE_TEXT, INFO(guest_version)},
    [XEN_ELFNOTE_LOADER] = {NOTE_TEXT, INFO(loader)},
    [XEN_ELFNOTE_HV_START_LOW] = {NOTE_NUMBER, INFO(hv_start_low)},
    [XEN_ELFNOTE_SUSPEND_CANCEL] = {NOTE_NUMBER, INFO(suspend_cancel)},
    [XEN_ELFNOTE_INIT_P2M] = {NOTE_NUMBER, INFO(init_p2m)},
    [XEN_ELFNOTE_PHYS32_ENTRY] = {NOTE_NUMBER, INFO(phys32_entry)},
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

static int feature_bit(const char *name, size_t len)
{
    for (unsigned i = 0; i < ARRAY_SIZE(feature_names); i++)
        if (feature_names[i] && strlen(feature_names[i]) == len &&
            !strncmp(feature_names[i], name, len))
            return (int)i;
    return -1;
}

static int add_feature(struct xen_kernel_info *info, const char *name, size_t len)
{
    bool required = *name == '!';
    int bit = feature_bit(name + required, len - required);

    if (bit < 0 && required) {
        read_text((const uint8_t *)name + 1, (uint32_t)len - 1, info->unknown_feature);
        return fail(info, -EOPNOTSUPP, "it requires a feature of an unknown name");
    }
    if (bit >= 0)
        info->features_supported |= 1u << bit;
    if (required)
        info->features_required |= 1u << bit;
    return 0;
}

// Names joined by '|', with '!' before those that the kernel cannot do without.
static int read_features(struct xen_kernel_info *info, const struct elf_note *note)
{
    const char *p = (const char *)note->desc, *end = p + note->desc_len;

    while (p < end && *p) {
        const char *name = p;

        while (p < end && *p && *p != '|' && *p != ' ')
            p++;
        if (p > name) {
            int ret = add_feature(info, name, (size_t)(p - name));

            if (ret)
                return ret;
        }
        if (p < end && *p)
            p++;
    }
    return 0;
}

static int read_l1_mfn_valid(struct xen_kernel_info *info, const struct elf_note *note)
{
    if (note->desc_len < 16)
        return fail(info, -EINVAL, "XEN_ELFNOTE_L1_MFN_VALID is no pair of numbers");
    info->l1_mfn_valid_mask = load_le64(note->desc);
    info->l1_mfn_valid_value = load_le64(note->desc + 8);
    return 0;
}

static int read_plain_note(struct xen_kernel_info *info, const struct elf_note *note)
{
    void *field = (uint8_t *)info + notes[note->type].offset;

    if (notes[note->type].kind == NOTE_TEXT)
        read_text(note->desc, note->desc_len, field);
    if (notes[note->type].kind == NOTE_NUMBER && read_number(note->desc, note->desc_len, field))
        return fail(info, -EINVAL, "a note holds no number where one must be");
    return 0;
}

static int read_note(const struct elf_note *note, void *context)
{
    struct xen_kernel_info *info = context;
    char text[XEN_NOTE_TEXT_MAX];
    uint64_t number;

    if (note->type > XEN_ELFNOTE_MAX)
        return 0;
    info->present |= 1ull << note->type;
    switch (note->type) {
    case XEN_ELFNOTE_FEATURES:
        return read_features(info, note);
    case XEN_ELFNOTE_SUPPORTED_FEATURES:
        if (read_number(note->desc, note->desc_len, &number))
            return fail(info, -EINVAL, "XEN_ELFNOTE_SUPPORTED_FEATURES is no number");
        info->features_supported |= (uint32_t)number;
        return 0;
    case XEN_ELFNOTE_L1_MFN_VALID:
        return read_l1_mfn_valid(info, note);
    case XEN_ELFNOTE_MOD_START_PFN:
        if (read_number(note->desc, note->desc_len, &number))
            return fail(info, -EINVAL, "XEN_ELFNOTE_MOD_START_PFN is no number");
        info->mod_start_pfn = number;
        return 0;
    case XEN_ELFNOTE_BSD_SYMTAB:
        read_text(note->desc, note->desc_len, text);
        info->bsd_symtab = !strcmp(text, "yes");
        return 0;
    default:
        return read_plain_note(info, note);
    }
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

// A domain's core: registers and memory in an ELF file of the format that Xen's tools write, which
// crash(8) and gdb's helpers read. Sections name the parts; there are no program headers.
//
// The file: header and section headers, notes, registers, the page that the guest shares with the
// hypervisor, room for the list of frames, and the frames themselves. How many frames there are
// shows only at the end, so the headers are written last.
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "domain/impl.h"
#include "pv-abi/elfnote.h"
#include "pv-abi/version.h"
#include "stream/p2m.h"

#define PAGE_SIZE     4096ul
#define BATCH         1024
#define CORE_MAGIC_PV 0xf00febed
#define FORMAT        1

enum { STRINGS = 1, NOTES, REGISTERS, SHARED_INFO, P2M, PAGES, SECTIONS };

static const char *const names[SECTIONS] = {
    "", ".shstrtab", ".note.Xen", ".xen_prstatus", ".xen_shared_info", ".xen_p2m", ".xen_pages",
};

struct core_frame {
    uint64_t pfn, mfn;
};

struct core_header {
    uint64_t magic, vcpus, pages, page_size;
};

struct core_version {
    uint64_t major, minor;
    xen_extraversion_t extra;
    struct xen_compile_info compiled;
    xen_capabilities_info_t capabilities;
    xen_changeset_info_t changeset;
    uint64_t virt_start;
    uint64_t page_size;
};

// As the file has it: name, then contents; all sizes are multiples of 4.
#define NOTE(type)         \
    struct {               \
        Elf64_Nhdr header; \
        char name[4];      \
        type contents;     \
    }

struct core_notes {
    struct {
        Elf64_Nhdr header;
        char name[4];
    } none;
    NOTE(struct core_header) header;
    NOTE(struct core_version) version;
    NOTE(uint64_t) format;
};
_Static_assert(sizeof(struct core_notes) == 4 * 16 + 32 + 1280 + 8, "notes without gaps");

struct core {
    const struct toolstack *t;
    domid_t id;
    int fd;
    struct xen_domctl_getdomaininfo info;
    struct shared_info *shared;
    struct p2m p2m;
    uint64_t vcpus, frames;
    Elf64_Shdr sections[SECTIONS];
    char strings[128];
    struct core_notes notes;
};

static int write_at(const struct core *c, const void *data, size_t size, uint64_t at)
{
    const char *from = data;

    while (size) {
        ssize_t n = pwrite(c->fd, from, size, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -ENOSPC;
        from += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

// Sections
// --------------------------------------------------------------------------------------------

static void place(struct core *c, unsigned section, uint64_t at, uint64_t size, uint64_t entry,
                  uint64_t align)
{
    Elf64_Shdr *s = c->sections + section;

    s->sh_type = section == STRINGS ? SHT_STRTAB : section == NOTES ? SHT_NOTE : SHT_PROGBITS;
    s->sh_offset = (at + align - 1) / align * align;
    s->sh_size = size;
    s->sh_entsize = entry;
    s->sh_addralign = align;
}

static uint64_t behind(const struct core *c, unsigned section)
{
    return c->sections[section].sh_offset + c->sections[section].sh_size;
}

static void plan(struct core *c)
{
    size_t at = 0;

    for (unsigned i = 0; i < SECTIONS; i++) {
        c->sections[i].sh_name = (uint32_t)at;
        at += strlen(strcpy(c->strings + at, names[i])) + 1;
    }
    place(c, STRINGS, sizeof(Elf64_Ehdr) + sizeof(c->sections), at, 0, 1);
    place(c, NOTES, behind(c, STRINGS), sizeof(c->notes), 0, 8);
    place(c, REGISTERS, behind(c, NOTES), c->vcpus * sizeof(struct vcpu_guest_context),
          sizeof(struct vcpu_guest_context), 8);
    place(c, SHARED_INFO, behind(c, REGISTERS), PAGE_SIZE, PAGE_SIZE, 8);
    place(c, P2M, behind(c, SHARED_INFO), c->p2m.count * sizeof(struct core_frame),
          sizeof(struct core_frame), 8);
    place(c, PAGES, behind(c, P2M), 0, PAGE_SIZE, PAGE_SIZE);
}

static int write_headers(struct core *c)
{
    Elf64_Ehdr h = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT, 0, EV_CURRENT},
        .e_type = ET_CORE,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_shoff = sizeof(h),
        .e_ehsize = sizeof(h),
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = SECTIONS,
        .e_shstrndx = STRINGS,
    };
    int rc;

    c->sections[P2M].sh_size = c->frames * sizeof(struct core_frame);
    c->sections[PAGES].sh_size = c->frames * PAGE_SIZE;
    c->notes.header.contents.pages = c->frames;
    rc = write_at(c, &h, sizeof(h), 0);
    if (!rc)
        rc = write_at(c, c->sections, sizeof(c->sections), h.e_shoff);
    if (!rc)
        rc = write_at(c, c->strings, c->sections[STRINGS].sh_size, c->sections[STRINGS].sh_offset);
    if (!rc)
        rc = write_at(c, &c->notes, sizeof(c->notes), c->sections[NOTES].sh_offset);
    return rc;
}

// Contents
// ----------------------------------------------------------------------------------------------

// Asks the hypervisor for `size` bytes about itself.
static void ask_version(const struct core *c, unsigned command, void *to, size_t size)
{
    void *buffer = control_buffer(c->t->control, PAGE_SIZE);
    uint64_t arguments[5] = {command, (uintptr_t)buffer};

    if (buffer && control_hypercall(c->t->control, __HYPERVISOR_xen_version, arguments) >= 0)
        memcpy(to, buffer, size);
    control_buffer_free(c->t->control, buffer, PAGE_SIZE);
}

static Elf64_Nhdr note(uint32_t type, size_t size, char name[4])
{
    memcpy(name, "Xen", 4);
    return (Elf64_Nhdr){4, (uint32_t)size, type};
}

static void fill_notes(struct core *c)
{
    uint64_t version[5] = {XENVER_version};
    long number = control_hypercall(c->t->control, __HYPERVISOR_xen_version, version);
    struct core_notes *n = &c->notes;
    struct core_version *v = &n->version.contents;

    n->none.header = note(XEN_ELFNOTE_DUMPCORE_NONE, 0, n->none.name);
    n->header.header =
        note(XEN_ELFNOTE_DUMPCORE_HEADER, sizeof(n->header.contents), n->header.name);
    n->header.contents = (struct core_header){CORE_MAGIC_PV, c->vcpus, 0, PAGE_SIZE};
    n->version.header = note(XEN_ELFNOTE_DUMPCORE_XEN_VERSION, sizeof(*v), n->version.name);
    v->major = (uint64_t)number >> 16;
    v->minor = (uint64_t)number & 0xffff;
    ask_version(c, XENVER_extraversion, v->extra, sizeof(v->extra));
    ask_version(c, XENVER_compile_info, &v->compiled, sizeof(v->compiled));
    ask_version(c, XENVER_capabilities, v->capabilities, sizeof(v->capabilities));
    ask_version(c, XENVER_changeset, v->changeset, sizeof(v->changeset));
    ask_version(c, XENVER_platform_parameters, &v->virt_start, sizeof(v->virt_start));
    v->page_size = PAGE_SIZE;
    n->format.header =
        note(XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION, sizeof(n->format.contents), n->format.name);
    n->format.contents = FORMAT;
}

// Of every vCPU that is or was online.
static int write_registers(struct core *c, bool count_only)
{
    struct vcpu_guest_context *context = control_buffer(c->t->control, sizeof(*context));
    int rc = context ? 0 : -ENOMEM;

    c->vcpus = 0;
    for (uint32_t v = 0; !rc && v <= c->info.max_vcpu_id; v++) {
        struct xen_domctl op = {.u.vcpucontext = {v, context}};

        if (domain_control(c->t, XEN_DOMCTL_getvcpucontext, c->id, &op))
            continue; // it was never set up
        if (!count_only)
            rc = write_at(c, context, sizeof(*context),
                          c->sections[REGISTERS].sh_offset + c->vcpus * sizeof(*context));
        c->vcpus++;
    }
    control_buffer_free(c->t->control, context, sizeof(*context));
    return rc;
}

// Some frames, of which those count that can be looked at.
static int write_batch(struct core *c, const struct core_frame *frames, size_t count)
{
    uint64_t mfns[BATCH] = {0};
    int errors[BATCH], rc = 0;
    const char *memory;

    for (size_t i = 0; i < count; i++)
        mfns[i] = frames[i].mfn;
    memory = control_map(c->t->control, c->id, PROT_READ, mfns, count, errors);
    if (!memory)
        return -errno;
    for (size_t i = 0; i < count && !rc; i++) {
        if (errors[i])
            continue;
        rc = write_at(c, frames + i, sizeof(frames[i]),
                      c->sections[P2M].sh_offset + c->frames * sizeof(frames[i]));
        if (!rc)
            rc = write_at(c, memory + i * PAGE_SIZE, PAGE_SIZE,
                          c->sections[PAGES].sh_offset + c->frames * PAGE_SIZE);
        c->frames++;
    }
    control_unmap((void *)(uintptr_t)memory, count);
    return rc;
}

static int write_memory(struct core *c)
{
    struct core_frame frames[BATCH];
    size_t count = 0;
    int rc = 0;

    for (uint64_t pfn = 0; pfn < c->p2m.count && !rc; pfn++) {
        uint64_t mfn = p2m_mfn(&c->p2m, pfn);

        if (mfn != UINT64_MAX)
            frames[count++] = (struct core_frame){pfn, mfn};
        if (count == BATCH) {
            rc = write_batch(c, frames, count);
            count = 0;
        }
    }
    return rc || !count ? rc : write_batch(c, frames, count);
}

static int write_core(struct core *c)
{
    int rc = write_registers(c, true);

    fill_notes(c);
    plan(c);
    if (!rc)
        rc = write_registers(c, false);
    if (!rc)
        rc = write_at(c, c->shared, PAGE_SIZE, c->sections[SHARED_INFO].sh_offset);
    if (!rc)
        rc = write_memory(c);
    return rc ? rc : write_headers(c);
}

static int open_guest(struct core *c)
{
    int rc = domain_info(c->t, c->id, &c->info);

    if (rc)
        return domain_fail(c->t, rc, "domain %u", c->id);
    c->shared = control_map(c->t->control, c->id, PROT_READ, &c->info.shared_info_frame, 1, NULL);
    if (!c->shared)
        return domain_fail(c->t, -errno, "the memory of domain %u cannot be looked at", c->id);
    return p2m_open(&c->p2m, c->t->control, c->id, c->shared, c->t->messages);
}

static int dump_to(struct core *c, const char *path)
{
    int rc;

    c->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (c->fd < 0)
        return domain_fail(c->t, -errno, "%s cannot be made", path);
    rc = write_core(c);
    if (close(c->fd) && !rc)
        rc = -errno;
    if (!rc)
        return 0;
    unlink(path);
    return domain_fail(c->t, rc, "the core of domain %u cannot be written to %s", c->id, path);
}

int domain_dump_core(const struct toolstack *t, domid_t id, const char *path, bool live)
{
    struct core c = {.t = t, .id = id};
    int rc = domain_is_pv(t, id, "dumped");

    if (rc)
        return rc;
    if (!live && domain_pause(t, id))
        return -ESRCH;
    rc = open_guest(&c);
    if (!rc)
        rc = dump_to(&c, path);
    p2m_close(&c.p2m);
    control_unmap(c.shared, 1);
    if (!live)
        domain_unpause(t, id);
    return rc;
}

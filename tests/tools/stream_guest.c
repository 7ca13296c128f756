#include "tests/tools/stream_guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pv-abi/start_info.h"
#include "stream/format.h"

uint64_t old_mfn[FRAMES];
FILE *messages;
static char *words;
static size_t words_length;

uint64_t *page_of(unsigned pfn)
{
    return machine_page(old_mfn[pfn]);
}

struct shared_info *shared(domid_t id)
{
    return machine_page(machine.domains[id].shared_info);
}

static void make_tables(void)
{
    const unsigned index[] = {1, 0, 0, 0}; // of P2M_VA, level 4 first

    for (unsigned i = 0; i < 4; i++) {
        uint64_t next = i < 3 ? old_mfn[TABLES + i + 1] : old_mfn[P2M];

        page_of(TABLES + i)[index[i]] = next << 12 | PRESENT;
        machine.type[old_mfn[TABLES + i]] = (uint8_t)(4 - i);
    }
    page_of(TABLES)[256] = 0xabcdef000 | PRESENT; // the hypervisor's
    machine.type[old_mfn[TABLES]] |= PAGE_PINNED;
    for (unsigned pfn = DATA; pfn < DATA + 20; pfn++)
        page_of(TABLES + 3)[pfn] = old_mfn[pfn] << 12 | PRESENT | 1ul << 63;
}

static void make_vcpu(unsigned vcpu)
{
    struct fake_domain *d = &machine.domains[OLD];
    struct vcpu_guest_context *c = &d->contexts[vcpu];

    d->online[vcpu] = true;
    c->user_regs.rip = 0x1234 + vcpu;
    c->user_regs.rdx = old_mfn[START];
    c->gdt_frames[0] = old_mfn[DATA + vcpu];
    c->gdt_ents = 512;
    c->ctrlreg[3] = xen_pfn_to_cr3(old_mfn[TABLES]);
    c->ctrlreg[1] = vcpu ? xen_pfn_to_cr3(old_mfn[TABLES]) : 0;
    memset(d->xstate[vcpu], 0x50 + (int)vcpu, MACHINE_XSTATE);
    memset(d->extended[vcpu] + 8, 0x60 + (int)vcpu, 56);
}

void make_guest(void)
{
    struct start_info *start;

    machine_reset();
    machine_create_domain(OLD);
    for (unsigned pfn = 0; pfn < FRAMES; pfn++) {
        old_mfn[pfn] = pfn == HOLE ? 0 : machine_give(OLD, pfn);
        if (old_mfn[pfn])
            memset(page_of(pfn), pfn >= DATA ? (int)pfn & 0xff : 0, 4096);
    }
    for (unsigned pfn = 0; pfn < 512; pfn++)
        page_of(P2M)[pfn] = pfn < FRAMES && pfn != HOLE ? old_mfn[pfn] : UINT64_MAX;
    make_tables();
    make_vcpu(0);
    make_vcpu(1);
    start = (struct start_info *)page_of(START);
    start->store_mfn = STORE; // as a suspended guest leaves it
    start->console.domU.mfn = CONSOLE;
    start->flags = SIF_VIRT_P2M_4TOOLS;
    shared(OLD)->arch.max_pfn = FRAMES;
    shared(OLD)->arch.p2m_cr3 = xen_pfn_to_cr3(old_mfn[TABLES]);
    shared(OLD)->arch.p2m_vaddr = P2M_VA;
    shared(OLD)->vcpu_info[1].evtchn_upcall_mask = 1;
    shared(OLD)->evtchn_pending[0] = 1;
}

// A kernel that suspends unmaps what is not its own.
static int suspended(void *arg)
{
    if (machine.before_map)
        page_of(TABLES + 3)[511] = 0;
    machine.before_map = NULL;
    ++*(unsigned *)arg;
    return 0;
}

struct watched watched;

static void progress(void *arg, const struct stream_progress *p)
{
    CU_ASSERT(p->done <= p->total);
    if (p->round > watched.rounds)
        watched.rounds = p->round;
    if (watched.interrupt_at && p->round == watched.interrupt_at)
        stream_interrupted = 1;
}

int try_save(int fd, bool live, unsigned *suspends)
{
    struct stream_save s = {.control = machine_control(),
                            .domain = OLD,
                            .hvm = machine.domains[OLD].hvm,
                            .fd = fd,
                            .messages = messages,
                            .live = live,
                            .suspend = suspended,
                            .progress = progress,
                            .arg = suspends};

    watched.rounds = 0;
    return stream_save_guest(&s);
}

int save(int fd, bool live)
{
    unsigned suspends = 0;
    int rc = try_save(fd, live, &suspends);

    CU_ASSERT_EQUAL(suspends, 1);
    return rc;
}

// The last that was said.
bool said(const char *text)
{
    static size_t from;
    bool found;

    fflush(messages);
    found = strstr(words + (from < words_length ? from : 0), text) != NULL;
    if (!found)
        printf("\nwant '%s' in: %s\n", text, words + from);
    from = words_length;
    return found;
}

int restore(int fd, struct stream_restored *result)
{
    struct stream_restore r = {.control = machine_control(),
                               .domain = NEW,
                               .hvm = machine.domains[NEW].hvm,
                               .fd = fd,
                               .messages = messages,
                               .console_port = 11,
                               .xenstore_port = 12};

    return stream_restore_guest(&r, result);
}

uint64_t new_mfn(unsigned pfn)
{
    for (uint64_t mfn = 0; mfn < MACHINE_FRAMES; mfn++)
        if (machine.owner[mfn] == NEW && machine.pfn[mfn] == pfn)
            return mfn;
    return 0;
}

uint64_t *new_page(unsigned pfn)
{
    return machine_page(new_mfn(pfn));
}

int run_suite(const char *name, void (*add)(CU_pSuite))
{
    unsigned failures;

    messages = open_memstream(&words, &words_length);
    CU_initialize_registry();
    add(CU_add_suite(name, NULL, NULL));
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    fclose(messages);
    free(words);
    return failures ? 1 : 0;
}

// Guests as streams, on a machine of a few frames: a guest is saved, standing still or while it
// writes, and comes back the same in other frames. Streams that are cut short or damaged anywhere
// are refused in words.
//
// sources: dom0-tools/stream/*.c dom0-tools/control/grant_seed.c tests/tools/fake_machine.c
#include <CUnit/Basic.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pv-abi/grant_table.h"
#include "pv-abi/shared_info.h"
#include "pv-abi/start_info.h"
#include "stream/file.h"
#include "stream/format.h"
#include "stream/stream.h"
#include "tests/tools/fake_machine.h"

#define OLD 1
#define NEW 2

// The guest: its frames by number. The P2M list is one page, mapped at P2M_VA by TABLES.
enum { START, STORE, CONSOLE, P2M, TABLES, DATA = TABLES + 4, HOLE = 200, FRAMES = 300 };
#define P2M_VA  0x8000000000ul
#define PRESENT 7ul

static uint64_t old_mfn[FRAMES];
static FILE *messages;
static char *words;
static size_t words_length;

static uint64_t *page_of(unsigned pfn)
{
    return machine_page(old_mfn[pfn]);
}

static struct shared_info *shared(domid_t id)
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

static void make_guest(void)
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

static struct {
    unsigned rounds;       // seen by progress()
    unsigned interrupt_at; // as a signal would, in that round
} watched;

static void progress(void *arg, const struct stream_progress *p)
{
    CU_ASSERT(p->done <= p->total);
    if (p->round > watched.rounds)
        watched.rounds = p->round;
    if (watched.interrupt_at && p->round == watched.interrupt_at)
        stream_interrupted = 1;
}

static int try_save(int fd, bool live, unsigned *suspends)
{
    struct stream_save s = {.control = machine_control(),
                            .domain = OLD,
                            .fd = fd,
                            .messages = messages,
                            .live = live,
                            .suspend = suspended,
                            .progress = progress,
                            .arg = suspends};

    watched.rounds = 0;
    return pv_stream_save(&s);
}

static int save(int fd, bool live)
{
    unsigned suspends = 0;
    int rc = try_save(fd, live, &suspends);

    CU_ASSERT_EQUAL(suspends, 1);
    return rc;
}

// The last that was said.
static bool said(const char *text)
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

static int restore(int fd, struct stream_restored *result)
{
    struct stream_restore r = {.control = machine_control(),
                               .domain = NEW,
                               .fd = fd,
                               .messages = messages,
                               .console_port = 11,
                               .xenstore_port = 12};

    return pv_stream_restore(&r, result);
}

static uint64_t new_mfn(unsigned pfn)
{
    for (uint64_t mfn = 0; mfn < MACHINE_FRAMES; mfn++)
        if (machine.owner[mfn] == NEW && machine.pfn[mfn] == pfn)
            return mfn;
    return 0;
}

static uint64_t *new_page(unsigned pfn)
{
    return machine_page(new_mfn(pfn));
}

static void check_memory(void)
{
    for (unsigned pfn = DATA; pfn < FRAMES; pfn++) {
        if (pfn == HOLE) {
            CU_ASSERT_EQUAL(new_mfn(pfn), 0);
            CU_ASSERT_EQUAL(new_page(P2M)[pfn], UINT64_MAX);
            continue;
        }
        CU_ASSERT(!memcmp(new_page(pfn), page_of(pfn), 4096));
        CU_ASSERT_EQUAL(new_page(P2M)[pfn], new_mfn(pfn));
    }
    CU_ASSERT_EQUAL(new_page(P2M)[FRAMES], UINT64_MAX);
    CU_ASSERT_EQUAL(new_page(TABLES)[1], new_mfn(TABLES + 1) << 12 | PRESENT);
    CU_ASSERT_EQUAL(new_page(TABLES)[256], 0);
    CU_ASSERT_EQUAL(new_page(TABLES + 3)[DATA + 7], new_mfn(DATA + 7) << 12 | PRESENT | 1ul << 63);
    CU_ASSERT_EQUAL(machine.type[new_mfn(TABLES)], PAGE_PINNED | PAGE_L4);
    CU_ASSERT_EQUAL(machine.type[new_mfn(TABLES + 1)], 0);
}

static void check_state(const struct stream_restored *result)
{
    const struct start_info *start = (struct start_info *)new_page(START);
    const struct fake_domain *d = &machine.domains[NEW];

    CU_ASSERT_EQUAL(result->pages, FRAMES - 1);
    CU_ASSERT_EQUAL(start->nr_pages, FRAMES - 1);
    CU_ASSERT_EQUAL(start->shared_info, d->shared_info << 12);
    CU_ASSERT_EQUAL(start->store_mfn, new_mfn(STORE));
    CU_ASSERT_EQUAL(result->console_mfn, new_mfn(CONSOLE));
    CU_ASSERT_EQUAL(start->console.domU.evtchn, 11);
    CU_ASSERT_EQUAL(start->store_evtchn, 12);
    CU_ASSERT_EQUAL(shared(NEW)->arch.max_pfn, FRAMES);
    CU_ASSERT_EQUAL(shared(NEW)->arch.p2m_cr3, 0);
    CU_ASSERT_EQUAL(shared(NEW)->vcpu_info[1].evtchn_upcall_mask, 1);
    CU_ASSERT_EQUAL(shared(NEW)->evtchn_pending[0], 0);
    CU_ASSERT_EQUAL(shared(NEW)->evtchn_mask[0], UINT64_MAX);
    for (unsigned v = 0; v < MACHINE_VCPUS; v++) {
        const struct vcpu_guest_context *c = &d->contexts[v];

        CU_ASSERT_EQUAL(c->user_regs.rip, 0x1234 + v);
        CU_ASSERT_EQUAL(c->gdt_frames[0], new_mfn(DATA + v));
        CU_ASSERT_EQUAL(c->ctrlreg[3], new_mfn(TABLES) << 12);
        CU_ASSERT(!memcmp(d->xstate[v], machine.domains[OLD].xstate[v], MACHINE_XSTATE));
        CU_ASSERT(!memcmp(d->extended[v] + 8, machine.domains[OLD].extended[v] + 8, 56));
    }
    CU_ASSERT_EQUAL(d->contexts[0].user_regs.rdx, new_mfn(START));
    CU_ASSERT_EQUAL(xen_cr3_to_pfn(d->contexts[1].ctrlreg[1]), new_mfn(TABLES));
}

static void round_trip(bool live)
{
    int fd = memfd_create("stream", 0);
    struct stream_restored result;

    CU_ASSERT_EQUAL(save(fd, live), 0);
    lseek(fd, 0, SEEK_SET);
    machine_create_domain(NEW);
    CU_ASSERT_EQUAL(restore(fd, &result), 0);
    CU_ASSERT_EQUAL(lseek(fd, 0, SEEK_CUR), lseek(fd, 0, SEEK_END)); // no less and no more
    check_memory();
    check_state(&result);
    close(fd);
}

static void test_still(void)
{
    make_guest();
    round_trip(false);
}

// Between any two looks at it, the guest writes somewhere; once it maps what is not its own, for a
// while; and gives frames back.
static void run_guest(void)
{
    static unsigned n;
    unsigned pfn = DATA + 20 + n++ * 37 % 100;

    page_of(pfn)[n % 512] = n * 0x123456789ul;
    machine.dirty[old_mfn[pfn]] = true;
    page_of(TABLES + 3)[511] = n & 1 ? 0x100000000ul << 12 | PRESENT : 0;
    machine.dirty[old_mfn[TABLES + 3]] = true;
}

static void test_live(void)
{
    make_guest();
    machine.before_map = run_guest;
    round_trip(true);
    CU_ASSERT(!machine.domains[OLD].logging);
}

// A guest gives a frame back and takes another one, and no log tells of either.
static void balloon(void)
{
    static const unsigned gone = DATA + 160;

    if (!old_mfn[gone])
        return;
    machine.owner[old_mfn[gone]] = 0;
    memset(page_of(gone), 0, 4096);
    page_of(P2M)[gone] = UINT64_MAX;
    old_mfn[gone] = 0;
    old_mfn[HOLE] = machine_give(OLD, HOLE);
    page_of(P2M)[HOLE] = old_mfn[HOLE];
    strcpy((char *)page_of(HOLE), "taken");
}

static unsigned maps;

static void balloon_late(void)
{
    if (++maps == 3) // the list of frames, the first round's only batch, the second's
        balloon();
    if (maps == 2) {
        for (unsigned pfn = DATA + 20; pfn < DATA + 100; pfn++)
            machine.dirty[old_mfn[pfn]] = true;
    }
}

static void test_balloon(void)
{
    int fd = memfd_create("stream", 0);
    struct stream_restored result;

    make_guest();
    maps = 0;
    machine.before_map = balloon_late;
    CU_ASSERT_EQUAL(save(fd, true), 0);
    CU_ASSERT(maps >= 3 && !old_mfn[DATA + 160]);
    lseek(fd, 0, SEEK_SET);
    machine_create_domain(NEW);
    CU_ASSERT_EQUAL(restore(fd, &result), 0);
    CU_ASSERT_EQUAL(result.pages, FRAMES - 1);
    CU_ASSERT_EQUAL(new_mfn(DATA + 160), 0);
    CU_ASSERT_EQUAL(new_page(P2M)[DATA + 160], UINT64_MAX);
    CU_ASSERT_EQUAL(new_page(P2M)[HOLE], new_mfn(HOLE));
    CU_ASSERT_STRING_EQUAL((char *)new_page(HOLE), "taken");
    close(fd);
}

static void write_all(void)
{
    for (unsigned pfn = DATA; pfn < FRAMES; pfn++)
        if (old_mfn[pfn])
            machine.dirty[old_mfn[pfn]] = true;
}

// Fewer and fewer frames, but never few.
static void write_less(void)
{
    for (unsigned pfn = DATA; pfn < FRAMES - 20 * maps; pfn++)
        if (old_mfn[pfn])
            machine.dirty[old_mfn[pfn]] = true;
    maps++;
}

// A guest that writes as fast as it is sent is not run after.
static void test_rounds(void)
{
    make_guest();
    machine.before_map = write_all;
    round_trip(true);
    CU_ASSERT_EQUAL(watched.rounds, 2);
    make_guest();
    maps = 0;
    machine.before_map = write_less;
    round_trip(true);
    CU_ASSERT_EQUAL(watched.rounds, 5);
}

// Somebody who was killed has left the log on.
static void test_log_left_on(void)
{
    make_guest();
    machine.domains[OLD].logging = true;
    round_trip(true);
    CU_ASSERT(!machine.domains[OLD].logging);
}

// Whatever goes wrong while the guest runs, it is not suspended, and not slowed by a log.
static void test_interrupted(void)
{
    int fd = memfd_create("stream", 0);
    unsigned suspends = 0;

    make_guest();
    watched.interrupt_at = 1;
    CU_ASSERT_EQUAL(try_save(fd, true, &suspends), -EINTR);
    CU_ASSERT_EQUAL(suspends, 0);
    CU_ASSERT(!machine.domains[OLD].logging);
    watched.interrupt_at = 0;
    stream_interrupted = 0;
    close(fd);
}

// The other side is lost after any number of bytes.
static void test_write_fails(void)
{
    int whole = memfd_create("stream", 0);
    off_t length;

    make_guest();
    CU_ASSERT_EQUAL(save(whole, true), 0);
    length = lseek(whole, 0, SEEK_END);
    for (off_t room = 0; room < length; room += room < 200 ? 8 : length / 40) {
        int fd = memfd_create("short", MFD_ALLOW_SEALING);
        unsigned suspends = 0;

        CU_ASSERT(!ftruncate(fd, room) && !fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
        make_guest();
        CU_ASSERT_EQUAL(try_save(fd, true, &suspends), -EPERM);
        CU_ASSERT(!machine.domains[OLD].logging);
        CU_ASSERT(said("cannot write"));
        close(fd);
    }
    close(whole);
}

// Streams of other kinds, each by one number that is another.
static void test_others(void)
{
    static const struct {
        off_t at;
        uint8_t value;
        int rc;
        const char *words;
    } others[] = {
        {0, 0, -EINVAL, "not a"},
        {15, 4, -EOPNOTSUPP, "version 4 is not known"},
        {15, 1, -EOPNOTSUPP, "version 1 is not known"},
        {17, 1, -EOPNOTSUPP, "big-endian"},
        {24, 2, -EOPNOTSUPP, "HVM guest"},
        {24, 7, -EINVAL, "not of an x86 PV guest"},
        {28, 14, -EINVAL, "not of an x86 PV guest"},
        {48, 4, -EOPNOTSUPP, "32 bits"},       // X86_PV_INFO's width
        {40, 0x0e, -EOPNOTSUPP, "CHECKPOINT"}, // its type: a record of another kind of stream
        {40, 0x77, -EOPNOTSUPP, "unknown type"},
    };
    int fd = memfd_create("stream", 0);
    struct stream_restored result;

    make_guest();
    CU_ASSERT_EQUAL(save(fd, false), 0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        uint8_t old;

        CU_ASSERT_EQUAL(pread(fd, &old, 1, others[i].at), 1);
        CU_ASSERT_EQUAL(pwrite(fd, &others[i].value, 1, others[i].at), 1);
        lseek(fd, 0, SEEK_SET);
        machine_reset();
        machine_create_domain(NEW);
        CU_ASSERT_EQUAL(restore(fd, &result), others[i].rc);
        CU_ASSERT(said(others[i].words));
        CU_ASSERT_EQUAL(pwrite(fd, &old, 1, others[i].at), 1);
    }
    close(fd);
}

static void test_bad_tables(void)
{
    int fd = memfd_create("stream", 0);

    make_guest();
    page_of(TABLES + 3)[511] = 0x100000000ul << 12 | PRESENT;
    CU_ASSERT_EQUAL(save(fd, false), -EINVAL);
    fflush(messages);
    CU_ASSERT_PTR_NOT_NULL(strstr(words, "page table"));
    close(fd);
}

static void test_no_memory(void)
{
    int fd = memfd_create("stream", 0);
    struct stream_restored result;

    make_guest();
    CU_ASSERT_EQUAL(save(fd, false), 0);
    lseek(fd, 0, SEEK_SET);
    machine_create_domain(NEW);
    machine.frames_left = 100;
    CU_ASSERT_EQUAL(restore(fd, &result), -ENOMEM);
    close(fd);
}

// Cut short at every place that matters, and with bytes changed all over.
static void test_damage(void)
{
    int fd = memfd_create("stream", 0), damaged;
    struct stream_restored result;
    uint8_t *bytes, old;
    off_t length;

    make_guest();
    CU_ASSERT_EQUAL(save(fd, false), 0);
    length = lseek(fd, 0, SEEK_END);
    bytes = mmap(NULL, (size_t)length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (off_t cut = 0; cut < length; cut += cut < 256 ? 1 : 4099) {
        damaged = memfd_create("damaged", 0);
        CU_ASSERT_EQUAL(write(damaged, bytes, (size_t)cut), cut);
        lseek(damaged, 0, SEEK_SET);
        machine_reset();
        machine_create_domain(NEW);
        CU_ASSERT(restore(damaged, &result) < 0);
        close(damaged);
    }
    for (off_t at = 0; at < 3000; at++) {
        old = bytes[at];
        bytes[at] ^= (uint8_t)(1 + at % 255);
        lseek(fd, 0, SEEK_SET);
        machine_reset();
        machine_create_domain(NEW);
        restore(fd, &result); // whatever comes of it
        bytes[at] = old;
    }
    munmap(bytes, (size_t)length);
    close(fd);
}

// What xl has around it, and what it is when it is none of xl's.
static void test_file(void)
{
    int fd = memfd_create("saved", 0);
    char *config, byte;

    CU_ASSERT_EQUAL(saved_write_begin(fd, "{\"c_info\": 1}", messages), 0);
    CU_ASSERT_EQUAL(write(fd, "guest", 5), 5);
    CU_ASSERT_EQUAL(saved_write_end(fd, messages), 0);
    lseek(fd, 0, SEEK_SET);
    CU_ASSERT_EQUAL(saved_read_begin(fd, &config, messages), 0);
    CU_ASSERT_STRING_EQUAL(config, "{\"c_info\": 1}");
    free(config);
    lseek(fd, 5, SEEK_CUR);
    CU_ASSERT_EQUAL(saved_read_end(fd, messages), 0);
    CU_ASSERT_EQUAL(read(fd, &byte, 1), 0);
    for (off_t length = 0; length < 48 + 4 + 14 + 16 + 8; length++) {
        CU_ASSERT_EQUAL(ftruncate(fd, length), 0);
        lseek(fd, 0, SEEK_SET);
        CU_ASSERT(saved_read_begin(fd, &config, messages) < 0);
        CU_ASSERT_PTR_NULL(config);
    }
    lseek(fd, 0, SEEK_SET);
    CU_ASSERT_EQUAL(write(fd, "Y", 1), 1);
    lseek(fd, 0, SEEK_SET);
    CU_ASSERT_EQUAL(saved_read_begin(fd, &config, messages), -EINVAL);
    close(fd);
}

int main(void)
{
    CU_pSuite s;
    unsigned failures;

    messages = open_memstream(&words, &words_length);
    CU_initialize_registry();
    s = CU_add_suite("stream", NULL, NULL);
    CU_add_test(s, "a guest that stands still", test_still);
    CU_add_test(s, "a guest that runs", test_live);
    CU_add_test(s, "a guest that balloons meanwhile", test_balloon);
    CU_add_test(s, "rounds are bounded", test_rounds);
    CU_add_test(s, "a log left on", test_log_left_on);
    CU_add_test(s, "interrupted", test_interrupted);
    CU_add_test(s, "the other side is lost", test_write_fails);
    CU_add_test(s, "streams of other kinds", test_others);
    CU_add_test(s, "tables that cannot be saved", test_bad_tables);
    CU_add_test(s, "no memory to restore to", test_no_memory);
    CU_add_test(s, "damaged streams", test_damage);
    CU_add_test(s, "xl's files", test_file);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    fclose(messages);
    free(words);
    return failures ? 1 : 0;
}

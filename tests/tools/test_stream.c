// Guests as streams, on a machine of a few frames: a guest is saved, standing still or while it
// writes, and comes back the same in other frames.
//
// sources: dom0-tools/stream/*.c dom0-tools/control/grant_seed.c dom0-tools/control/hvm.c
// sources: tests/tools/fake_machine.c
// sources: tests/tools/stream_guest.c
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pv-abi/start_info.h"
#include "stream/file.h"
#include "stream/format.h"
#include "tests/tools/stream_guest.h"

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

static void add(CU_pSuite s)
{
    CU_add_test(s, "a guest that stands still", test_still);
    CU_add_test(s, "a guest that runs", test_live);
    CU_add_test(s, "a guest that balloons meanwhile", test_balloon);
    CU_add_test(s, "rounds are bounded", test_rounds);
    CU_add_test(s, "a log left on", test_log_left_on);
    CU_add_test(s, "xl's files", test_file);
}

int main(void)
{
    return run_suite("stream", add);
}

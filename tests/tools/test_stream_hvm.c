// HVM guests as streams: what the hypervisor keeps of one goes with it, and comes back with its
// memory, at the same guest frames.
//
// sources: dom0-tools/stream/*.c dom0-tools/control/grant_seed.c dom0-tools/control/hvm.c
// sources: tests/tools/fake_machine.c tests/tools/stream_guest.c
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pv-abi/hvm/params.h"
#include "stream/format.h"
#include "tests/tools/stream_guest.h"

enum { LOW = 100, EMPTY = 50, RING_STORE = 2000, RING_CONSOLE, LAST = RING_CONSOLE };

static void *old_page(uint64_t pfn)
{
    return machine_page(machine_frame(OLD, pfn));
}

static void give(uint64_t pfn)
{
    machine_give(OLD, (uint32_t)pfn);
    memset(old_page(pfn), (int)pfn & 0xff, 4096);
}

static void make_hvm_guest(void)
{
    struct fake_domain *d = &machine.domains[OLD];

    machine_reset();
    machine_create_hvm_domain(OLD);
    for (unsigned pfn = 0; pfn < LOW; pfn++)
        if (pfn != EMPTY)
            give(pfn);
    give(RING_STORE);
    give(RING_CONSOLE);
    d->params[HVM_PARAM_STORE_PFN] = RING_STORE;
    d->params[HVM_PARAM_CONSOLE_PFN] = RING_CONSOLE;
    d->params[HVM_PARAM_STORE_EVTCHN] = 3;
    d->params[HVM_PARAM_IDENT_PT] = 0xfeffb000;
    memset(d->hvm_context, 0x77, MACHINE_HVM);
}

static void check_guest(const struct stream_restored *result)
{
    const struct fake_domain *d = &machine.domains[NEW];

    for (unsigned pfn = 0; pfn < LOW; pfn++)
        CU_ASSERT(pfn == EMPTY ||
                  !memcmp(machine_page(machine_frame(NEW, pfn)), old_page(pfn), 4096));
    CU_ASSERT_EQUAL(machine_frame(NEW, EMPTY), 0);
    CU_ASSERT_EQUAL(result->pages, LOW - 1 + 2);
    CU_ASSERT_EQUAL(result->xenstore_mfn, RING_STORE);
    CU_ASSERT_EQUAL(result->console_mfn, RING_CONSOLE);
    CU_ASSERT_EQUAL(*(uint64_t *)machine_page(machine_frame(NEW, RING_STORE)), 0);
    CU_ASSERT_EQUAL(machine_frame(NEW, LAST + 1), 0); // the grant table is hidden again
    CU_ASSERT_EQUAL(d->params[HVM_PARAM_STORE_EVTCHN], 12);
    CU_ASSERT_EQUAL(d->params[HVM_PARAM_CONSOLE_EVTCHN], 11);
    CU_ASSERT_EQUAL(d->params[HVM_PARAM_IDENT_PT], 0xfeffb000);
    CU_ASSERT(!memcmp(d->hvm_context, machine.domains[OLD].hvm_context, MACHINE_HVM));
}

static void round_trip(bool live)
{
    int fd = memfd_create("stream", 0);
    struct stream_restored result;

    CU_ASSERT_EQUAL(save(fd, live), 0);
    lseek(fd, 0, SEEK_SET);
    machine_create_hvm_domain(NEW);
    CU_ASSERT_EQUAL(restore(fd, &result), 0);
    CU_ASSERT_EQUAL(lseek(fd, 0, SEEK_CUR), lseek(fd, 0, SEEK_END));
    check_guest(&result);
    close(fd);
}

static void test_still(void)
{
    make_hvm_guest();
    round_trip(false);
}

static void write_more(void)
{
    static unsigned round;

    memset(old_page(10 + round % 10), (int)round, 4096);
    machine.dirty[machine_frame(OLD, 10 + round++ % 10)] = true;
}

static void test_live(void)
{
    make_hvm_guest();
    machine.before_map = write_more;
    round_trip(true);
    CU_ASSERT(!machine.domains[OLD].logging);
    machine.before_map = NULL;
}

static void test_missing(void)
{
    int fd = memfd_create("stream", 0);
    struct stream_restored result;

    make_hvm_guest();
    machine.domains[OLD].params[HVM_PARAM_CONSOLE_PFN] = 0;
    CU_ASSERT_EQUAL(save(fd, false), 0);
    lseek(fd, 0, SEEK_SET);
    machine_create_hvm_domain(NEW);
    CU_ASSERT_EQUAL(restore(fd, &result), -EINVAL);
    CU_ASSERT(said("does not tell where the rings"));
    close(fd);
}

// A PV guest's stream is none of an HVM guest's, nor the other way round.
static void test_kinds(void)
{
    int fd = memfd_create("stream", 0);
    struct stream_restored result;

    make_guest();
    CU_ASSERT_EQUAL(save(fd, false), 0);
    lseek(fd, 0, SEEK_SET);
    machine_create_hvm_domain(NEW);
    CU_ASSERT_EQUAL(restore(fd, &result), -EINVAL);
    CU_ASSERT(said("of a PV guest"));
    make_hvm_guest();
    CU_ASSERT_EQUAL(ftruncate(fd, 0), 0);
    lseek(fd, 0, SEEK_SET);
    CU_ASSERT_EQUAL(save(fd, false), 0);
    lseek(fd, 0, SEEK_SET);
    machine_create_domain(NEW);
    CU_ASSERT_EQUAL(restore(fd, &result), -EINVAL);
    CU_ASSERT(said("of an HVM or PVH guest"));
    close(fd);
}

// A frame beyond what the guest may have is refused before anything is made for it.
static void test_far(void)
{
    int fd = memfd_create("stream", 0);
    struct stream_restored result;
    struct stream_page_data head;
    uint64_t pfn = (1ull << 20) + MACHINE_FRAMES;
    off_t length;

    make_hvm_guest();
    CU_ASSERT_EQUAL(save(fd, false), 0);
    length = lseek(fd, 0, SEEK_END);
    for (off_t at = 24 + 16; at < length;) { // the first record of pages
        struct stream_record_header h;

        CU_ASSERT_EQUAL_FATAL(pread(fd, &h, sizeof(h), at), sizeof(h));
        at += (off_t)sizeof(h);
        if (h.type == RECORD_PAGE_DATA) {
            CU_ASSERT_EQUAL(pwrite(fd, &pfn, sizeof(pfn), at + (off_t)sizeof(head)), sizeof(pfn));
            break;
        }
        at += (h.length + 7) & ~7u;
    }
    lseek(fd, 0, SEEK_SET);
    machine_create_hvm_domain(NEW);
    CU_ASSERT_EQUAL(restore(fd, &result), -EINVAL);
    CU_ASSERT(said("is beyond what memory the guest may have"));
    CU_ASSERT_EQUAL(result.pages, 0);
    close(fd);
}

static void test_damage(void)
{
    int fd = memfd_create("stream", 0);
    struct stream_restored result;
    off_t length;

    make_hvm_guest();
    CU_ASSERT_EQUAL(save(fd, false), 0);
    length = lseek(fd, 0, SEEK_END);
    for (off_t end = length - 8; end > 0; end -= end > length - 400 || end < 400 ? 8 : 16384) {
        CU_ASSERT_EQUAL(ftruncate(fd, end), 0);
        lseek(fd, 0, SEEK_SET);
        machine_destroy_domain(NEW);
        machine_create_hvm_domain(NEW);
        CU_ASSERT(restore(fd, &result) < 0);
    }
    close(fd);
}

static void add(CU_pSuite s)
{
    CU_add_test(s, "a guest that stands still", test_still);
    CU_add_test(s, "a guest that runs", test_live);
    CU_add_test(s, "parameters that are missing", test_missing);
    CU_add_test(s, "guests of the other kind", test_kinds);
    CU_add_test(s, "a frame too far", test_far);
    CU_add_test(s, "streams cut short", test_damage);
}

int main(void)
{
    return run_suite("stream_hvm", add);
}

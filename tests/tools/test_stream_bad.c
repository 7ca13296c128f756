// What can go wrong with a guest's stream: streams cut short or damaged anywhere, or of other
// kinds, are refused in words; a save that fails or is interrupted leaves the guest as it was.
//
// sources: dom0-tools/stream/*.c dom0-tools/control/grant_seed.c dom0-tools/control/hvm.c
// sources: tests/tools/fake_machine.c
// sources: tests/tools/stream_guest.c
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stream/format.h"
#include "tests/tools/stream_guest.h"

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
        {24, 2, -EINVAL, "of an HVM or PVH guest"},
        {24, 7, -EINVAL, "not of an x86 guest"},
        {28, 14, -EINVAL, "not of an x86 guest"},
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
    CU_ASSERT(said("page table"));
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

static void add(CU_pSuite s)
{
    CU_add_test(s, "interrupted", test_interrupted);
    CU_add_test(s, "the other side is lost", test_write_fails);
    CU_add_test(s, "streams of other kinds", test_others);
    CU_add_test(s, "tables that cannot be saved", test_bad_tables);
    CU_add_test(s, "no memory to restore to", test_no_memory);
    CU_add_test(s, "damaged streams", test_damage);
}

int main(void)
{
    return run_suite("stream_bad", add);
}

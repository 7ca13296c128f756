// The console daemon's parts that know no hypervisor: rings, log files, what waits for a reader.
//
// sources: dom0-tools/consoled/ring.c dom0-tools/consoled/log_file.c dom0-tools/consoled/backlog.c
#include <CUnit/Basic.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consoled/backlog.h"
#include "consoled/log_file.h"
#include "consoled/ring.h"
#include "tests/suite.h"

static struct xencons_interface page;

static void guest_prints(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        page.out[MASK_XENCONS_IDX(page.out_prod++, page.out)] = text[i];
}

// Read, and taken out of the ring at once.
static ssize_t take(char to[RING_OUT_SIZE])
{
    ssize_t len = ring_read(&page, to);

    if (len > 0)
        ring_taken(&page, (size_t)len);
    return len;
}

static void test_take(void)
{
    char got[RING_OUT_SIZE], sent[RING_OUT_SIZE];

    memset(&page, 0, sizeof(page));
    CU_ASSERT_EQUAL(take(got), 0);
    page.out_cons = page.out_prod = 0xffffff00; // the indices run over, the ring's end is passed
    for (unsigned len = 1; len <= RING_OUT_SIZE; len += 511) {
        for (unsigned i = 0; i < len; i++)
            sent[i] = (char)(i * 7 + len);
        guest_prints(sent, len);
        CU_ASSERT_EQUAL_FATAL(take(got), (ssize_t)len);
        CU_ASSERT(!memcmp(got, sent, len));
        CU_ASSERT_EQUAL(page.out_cons, page.out_prod);
    }
}

// Who dies before he has put it away leaves it to the next.
static void test_read_again(void)
{
    char got[RING_OUT_SIZE];

    memset(&page, 0, sizeof(page));
    guest_prints("words", 5);
    CU_ASSERT_EQUAL(ring_read(&page, got), 5);
    CU_ASSERT_EQUAL(page.out_cons, 0);
    guest_prints(" more", 5);
    CU_ASSERT_EQUAL_FATAL(ring_read(&page, got), 10);
    CU_ASSERT(!memcmp(got, "words more", 10));
    ring_taken(&page, 5);
    CU_ASSERT_EQUAL_FATAL(ring_read(&page, got), 5);
    CU_ASSERT(!memcmp(got, " more", 5));
}

static void test_give(void)
{
    char from[sizeof(page.in)];

    memset(&page, 0, sizeof(page));
    memset(from, 'k', sizeof(from));
    page.in_cons = page.in_prod = (uint32_t)-5;
    CU_ASSERT_EQUAL(ring_room(&page), sizeof(page.in));
    ring_give(&page, "keyboard", 8);
    CU_ASSERT_EQUAL(page.in_prod, 3);
    CU_ASSERT(!memcmp(page.in + sizeof(page.in) - 5, "keybo", 5) && !memcmp(page.in, "ard", 3));
    CU_ASSERT_EQUAL(ring_room(&page), sizeof(page.in) - 8);
    ring_give(&page, from, ring_room(&page));
    CU_ASSERT_EQUAL(ring_room(&page), 0);
    page.in_cons += 1;
    CU_ASSERT_EQUAL(ring_room(&page), 1);
}

// Whatever the indices are: no byte outside of the ring, and the next line is read again.
static void test_hostile_indices(void)
{
    char got[RING_OUT_SIZE];

    srandom(1);
    for (unsigned i = 0; i < 100000; i++) {
        page.out_cons = random() * 3;
        page.out_prod = i % 3 ? page.out_cons + random() % 5000 : random() * 5;
        page.in_cons = random() * 3;
        page.in_prod = i % 3 ? page.in_cons + random() % 3000 : random() * 5;
        uint32_t said = page.out_prod - page.out_cons;
        CU_ASSERT_EQUAL_FATAL(take(got), said > RING_OUT_SIZE ? -EPROTO : (ssize_t)said);
        CU_ASSERT_EQUAL_FATAL(page.out_cons, page.out_prod);
        size_t room = ring_room(&page);
        CU_ASSERT_FATAL(room <= sizeof(page.in));
        ring_give(&page, got, room);
        guest_prints("line", 4);
        CU_ASSERT_EQUAL_FATAL(take(got), 4);
    }
}

static char folder[] = "/tmp/vellum-logs-XXXXXX", path[64];

static long size_of(const char *name)
{
    char full[96];
    struct stat status;

    snprintf(full, sizeof(full), "%s/%s", folder, name);
    return stat(full, &status) ? -1 : (long)status.st_size;
}

static void remove_logs(void)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char full[320];

    while ((entry = readdir(dir))) {
        snprintf(full, sizeof(full), "%s/%s", folder, entry->d_name);
        unlink(full);
    }
    closedir(dir);
}

static void contents(const char *name, char *to, size_t size)
{
    char full[96];

    snprintf(full, sizeof(full), "%s/%s", folder, name);
    int fd = open(full, O_RDONLY);
    ssize_t len = fd < 0 ? 0 : read(fd, to, size - 1);

    to[len < 0 ? 0 : len] = '\0';
    close(fd);
}

static void test_log(void)
{
    struct log_file log;
    char text[64];

    CU_ASSERT_EQUAL(log_file_open(&log, path, (struct log_limits){100, 2}), 0);
    CU_ASSERT_EQUAL(log_file_write(&log, "one\n", 4), 0);
    log_file_close(&log);
    CU_ASSERT_EQUAL(log_file_open(&log, path, (struct log_limits){100, 2}), 0); // the next life
    CU_ASSERT_EQUAL(log_file_write(&log, "two\n", 4), 0);
    CU_ASSERT_EQUAL(log_file_write(&log, "", 0), 0);
    contents("log", text, sizeof(text));
    CU_ASSERT_STRING_EQUAL(text, "one\ntwo\n");
    char moved[96];
    snprintf(moved, sizeof(moved), "%s.moved", path);
    CU_ASSERT_EQUAL(rename(path, moved), 0);
    log_file_reopen(&log);
    log_file_write(&log, "three\n", 6);
    contents("log", text, sizeof(text));
    CU_ASSERT_STRING_EQUAL(text, "three\n");
    log_file_close(&log);
    remove_logs();
}

static void test_rotation(void)
{
    struct log_file log;
    char line[11], text[128];

    CU_ASSERT_EQUAL(log_file_open(&log, path, (struct log_limits){100, 2}), 0);
    for (unsigned i = 0; i < 45; i++) {
        snprintf(line, sizeof(line), "line %04u\n", i);
        CU_ASSERT_EQUAL(log_file_write(&log, line, 10), 0);
    }
    CU_ASSERT_EQUAL(size_of("log"), 50);
    CU_ASSERT_EQUAL(size_of("log.1"), 100);
    CU_ASSERT_EQUAL(size_of("log.2"), 100);
    CU_ASSERT_EQUAL(size_of("log.3"), -1);
    contents("log.2", text, sizeof(text));
    CU_ASSERT(!strncmp(text, "line 0020\n", 10));
    char large[250];
    memset(large, 'x', sizeof(large));
    CU_ASSERT_EQUAL(log_file_write(&log, large, sizeof(large)),
                    0); // larger than a file: in one of its own
    CU_ASSERT_EQUAL(size_of("log"), 250);
    CU_ASSERT_EQUAL(size_of("log.1"), 50);
    log_file_close(&log);
    CU_ASSERT_EQUAL(log_file_open(&log, path, (struct log_limits){100, 0}), 0);
    CU_ASSERT_EQUAL(log_file_write(&log, "new\n", 4), 0);
    CU_ASSERT_EQUAL(size_of("log"), 4);
    CU_ASSERT_EQUAL(size_of("log.1"), 50);
    log_file_close(&log);
    remove_logs();
}

static bool is_pipe(const char *name)
{
    char full[96];
    struct stat status;

    snprintf(full, sizeof(full), "%s/%s", folder, name);
    return !lstat(full, &status) && S_ISFIFO(status.st_mode);
}

// What is no file keeps its name, be it the log's own or that of an old one.
static void test_no_file(void)
{
    const struct log_limits limits = {10, 2};
    struct log_file log;
    char text[64] = "", old[96];
    int reader;

    CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
    CU_ASSERT_EQUAL(log_file_open(&log, path, limits), -ENXIO); // nobody reads it
    log_file_close(&log);
    reader = open(path, O_RDONLY | O_NONBLOCK);
    CU_ASSERT_EQUAL(log_file_open(&log, path, limits), 0);
    CU_ASSERT_EQUAL(log_file_write(&log, "one two\n", 8), 0);
    CU_ASSERT_EQUAL(log_file_write(&log, "three four\n", 11), 0);
    CU_ASSERT_EQUAL(read(reader, text, sizeof(text) - 1), 19);
    CU_ASSERT_STRING_EQUAL(text, "one two\nthree four\n");
    CU_ASSERT(is_pipe("log"));
    CU_ASSERT_EQUAL(size_of("log.1"), -1);
    log_file_close(&log);
    close(reader);
    remove_logs();
    snprintf(old, sizeof(old), "%s.1", path);
    CU_ASSERT_EQUAL(mkfifo(old, 0600), 0);
    CU_ASSERT_EQUAL(log_file_open(&log, path, limits), 0);
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(log_file_write(&log, "three four\n", 11), 0);
    CU_ASSERT(is_pipe("log.1"));
    CU_ASSERT_EQUAL(size_of("log"), 33); // nothing is lost either
    CU_ASSERT_EQUAL(size_of("log.2"), -1);
    log_file_close(&log);
    remove_logs();
}

// A full disk: what is lost is counted, said once, and told in the file when there is room again.
static void test_full_disk(void)
{
    struct log_file log;
    struct rlimit old, small;
    char text[256];

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 6;
    CU_ASSERT_EQUAL(log_file_open(&log, path, (struct log_limits){1000, 1}), 0);
    setrlimit(RLIMIT_FSIZE, &small);
    CU_ASSERT_EQUAL(log_file_write(&log, "0123456789", 10), -EFBIG);
    CU_ASSERT_EQUAL(log_file_write(&log, "lost", 4), 0); // was said before
    CU_ASSERT_EQUAL(log.lost, 8);
    setrlimit(RLIMIT_FSIZE, &old);
    CU_ASSERT_EQUAL(log_file_write(&log, "again\n", 6), 0);
    contents("log", text, sizeof(text));
    CU_ASSERT_STRING_EQUAL(
        text, "012345\r\n[vellum-consoled: 8 bytes are missing here: File too large]\r\nagain\n");
    log_file_close(&log);
    remove_logs();
    CU_ASSERT_EQUAL(log_file_open(&log, "/nonexistent/log", (struct log_limits){1000, 1}), -ENOENT);
    CU_ASSERT_EQUAL(log_file_write(&log, "x", 1), -ENOENT);
    CU_ASSERT_EQUAL(log_file_write(&log, "x", 1), 0);
    CU_ASSERT_EQUAL(log.lost, 2);
    log_file_close(&log);
}

static size_t drain(struct backlog *backlog, char *to, size_t at_once)
{
    size_t total = 0, len;
    const char *next;

    while ((next = backlog_next(backlog, &len))) {
        len = len < at_once ? len : at_once;
        memcpy(to + total, next, len);
        total += len;
        backlog_written(backlog, len);
    }
    to[total] = '\0';
    return total;
}

static void test_backlog(void)
{
    struct backlog backlog;
    char got[512];

    CU_ASSERT_FATAL(backlog_init(&backlog, 10));
    CU_ASSERT_EQUAL(drain(&backlog, got, 99), 0);
    for (unsigned i = 0; i < 7; i++) { // around the end
        CU_ASSERT(!backlog_add(&backlog, "abcdefg", 7));
        drain(&backlog, got, 2);
        CU_ASSERT_STRING_EQUAL(got, "abcdefg");
    }
    CU_ASSERT(!backlog_add(&backlog, "0123456789", 10));
    CU_ASSERT(backlog_add(&backlog, "ab", 2));
    CU_ASSERT(!backlog_add(&backlog, "c", 1)); // was said before
    drain(&backlog, got, 5);
    CU_ASSERT_STRING_EQUAL(
        got,
        "\r\n[vellum-consoled: 3 bytes were not read in time; the log has them]\r\n3456789abc");
    CU_ASSERT(backlog_add(&backlog, "0123456789ABCDEF", 16));
    drain(&backlog, got, 99);
    CU_ASSERT_PTR_NOT_NULL(strstr(got, " 6 bytes"));
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "]\r\n6789ABCDEF"));
    CU_ASSERT_EQUAL(backlog.dropped, 9);
    backlog_free(&backlog);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"what the guest prints", test_take},
        {"what is read and not put away", test_read_again},
        {"what the guest is given", test_give},
        {"hostile indices", test_hostile_indices},
        {"log", test_log},
        {"rotation", test_rotation},
        {"rotation of what is no file", test_no_file},
        {"full disk", test_full_disk},
        {"backlog", test_backlog},
        CU_TEST_INFO_NULL,
    };
    int failed;

    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/log", folder);
    failed = run_suite("consoled's parts", tests);
    rmdir(folder);
    return failed;
}

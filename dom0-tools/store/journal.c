#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/alloc.h"
#include "store/log.h"

#define MAGIC      "vlmstor\n"
#define VERSION    1
#define FIRST_SIZE (256u << 10)
#define BOOT_ID    "/proc/sys/kernel/random/boot_id"

struct file_header {
    char magic[8];
    uint32_t version, reserved;
    char boot[48];
    uint64_t committed; // up to here the file is valid
};

static struct file_header *header_of(const struct journal *journal)
{
    return (struct file_header *)journal->map;
}

// So that the state of a machine that has been restarted since is not taken for this one's.
static void read_boot_id(char boot[48])
{
    int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, boot, 36);

    memset(boot + (n > 0 ? n : 0), 0, 48 - (size_t)(n > 0 ? n : 0));
    if (fd >= 0)
        close(fd);
}

// Makes the file `size` bytes long, all of them really there: a later store cannot fail.
static int resize(struct journal *journal, size_t size)
{
    void *map;
    int error = journal->path ? posix_fallocate(journal->fd, 0, (off_t)size) : 0;

    if (error)
        return -error;
    if (journal->path && !journal->map)
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, journal->fd, 0);
    else if (journal->path)
        map = mremap(journal->map, journal->size, size, MREMAP_MAYMOVE);
    else
        map = reallocate(journal->map, size);
    if (map == MAP_FAILED)
        return -errno;
    journal->map = map;
    journal->size = size;
    return 0;
}

static char *new_name(const struct journal *journal)
{
    char *name = allocate(strlen(journal->path) + 5);

    sprintf(name, "%s.new", journal->path);
    return name;
}

struct journal *journal_new(const char *path)
{
    struct journal *journal = allocate(sizeof(*journal));
    char *name;
    int error;

    journal->fd = -1;
    if (path) {
        journal->path = duplicate(path, strlen(path) + 1);
        name = new_name(journal);
        journal->fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        free(name);
    }
    error = path && journal->fd < 0 ? -errno : resize(journal, FIRST_SIZE);
    if (error) {
        journal_free(journal);
        errno = -error;
        return NULL;
    }
    memset(journal->map, 0, sizeof(struct file_header));
    memcpy(header_of(journal)->magic, MAGIC, 8);
    header_of(journal)->version = VERSION;
    read_boot_id(header_of(journal)->boot);
    journal->used = header_of(journal)->committed = sizeof(struct file_header);
    return journal;
}

int journal_publish(struct journal *journal)
{
    char *name = new_name(journal);
    int error = rename(name, journal->path) ? -errno : 0;

    free(name);
    return error;
}

static bool valid(const struct journal *journal)
{
    char boot[48];

    read_boot_id(boot);
    return journal->size >= sizeof(struct file_header) &&
           !memcmp(header_of(journal)->magic, MAGIC, 8) && header_of(journal)->version == VERSION &&
           !memcmp(header_of(journal)->boot, boot, 48) &&
           header_of(journal)->committed >= sizeof(struct file_header) &&
           header_of(journal)->committed <= journal->size;
}

struct journal *journal_open(const char *path)
{
    struct journal *journal = allocate(sizeof(*journal));
    struct stat status = {.st_size = 0};
    int error = 0;

    journal->path = duplicate(path, strlen(path) + 1);
    journal->fd = open(path, O_RDWR | O_CLOEXEC);
    if (journal->fd < 0 || fstat(journal->fd, &status))
        error = errno;
    else if (status.st_size < (off_t)sizeof(struct file_header))
        error = EBADMSG;
    if (!error) {
        journal->size = (size_t)status.st_size;
        journal->map =
            mmap(NULL, journal->size, PROT_READ | PROT_WRITE, MAP_SHARED, journal->fd, 0);
        if (journal->map == MAP_FAILED) {
            error = errno;
            journal->map = NULL;
        } else if (!valid(journal)) {
            error = EBADMSG;
        } else {
            journal->used = header_of(journal)->committed;
        }
    }
    if (error) {
        journal_free(journal);
        errno = error;
        return NULL;
    }
    return journal;
}

void journal_free(struct journal *journal)
{
    if (journal->path && journal->map)
        munmap(journal->map, journal->size);
    else
        free(journal->map);
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal->path);
    free(journal);
}

// Half a state is worse than none: a successor would go on from it as if nothing had happened
// since.
static void fail(struct journal *journal, int error)
{
    log_error("no room for the state in %s (%s): nothing is kept for a restart until there is some",
              journal->path, strerror(-error));
    journal->failed = true;
    unlink(journal->path);
}

void *journal_add(struct journal *journal, uint32_t type, size_t length)
{
    struct journal_record record = {type, (uint32_t)length};
    size_t need = journal->used + sizeof(record) + ((length + 7) & ~7ul);
    char *at;
    int error;

    if (journal->failed)
        return NULL;
    if (need > journal->size) {
        error = resize(journal, need > journal->size * 2 ? need : journal->size * 2);
        if (error) {
            fail(journal, error);
            return NULL;
        }
    }
    at = journal->map + journal->used;
    memcpy(at, &record, sizeof(record));
    journal->used = need;
    return at + sizeof(record);
}

void journal_commit(struct journal *journal)
{
    if (!journal->failed)
        __atomic_store_n(&header_of(journal)->committed, journal->used, __ATOMIC_RELEASE);
}

const struct journal_record *journal_next(const struct journal *journal,
                                          const struct journal_record *record, bool *damaged)
{
    const char *end = journal->map + header_of(journal)->committed;
    const char *at = journal->map + sizeof(struct file_header);

    if (record)
        at = (const char *)(record + 1) + ((record->length + 7ul) & ~7ul);
    if (at == end)
        return NULL;
    record = (const struct journal_record *)at;
    if (at + sizeof(*record) > end || record->length > (size_t)(end - at - (long)sizeof(*record))) {
        *damaged = true;
        return NULL;
    }
    return record;
}

// A file that is written anew: the old one is there until the new one is whole.
//
// sources: dom0-tools/vl/new_file.c
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/suite.h"
#include "vl/new_file.h"

static char folder[] = "/tmp/vellum-file-XXXXXX";
static char path[64], beside[64];

static void put(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void holds(const char *name, const char *text)
{
    char got[64] = "";
    int fd = open(name, O_RDONLY);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT(read(fd, got, sizeof(got) - 1) >= 0);
    close(fd);
    CU_ASSERT_STRING_EQUAL(got, text);
}

// Removes all in the folder; how many files that was.
static unsigned clear(void)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    unsigned count = 0;

    while ((entry = readdir(dir)))
        count += !unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    return count;
}

static struct new_file start(const char *name, const char *text)
{
    struct new_file file;

    CU_ASSERT_EQUAL_FATAL(new_file_open(&file, name), 0);
    CU_ASSERT_EQUAL(write(file.fd, text, strlen(text)), (ssize_t)strlen(text));
    return file;
}

static void test_kept(void)
{
    struct new_file file = start(path, "first");

    CU_ASSERT(access(path, F_OK));
    CU_ASSERT_EQUAL(new_file_keep(&file), 0);
    holds(path, "first");
    file = start(path, "second");
    holds(path, "first");
    CU_ASSERT_EQUAL(new_file_keep(&file), 0);
    holds(path, "second");
    CU_ASSERT_EQUAL(clear(), 1);
    CU_ASSERT_EQUAL_FATAL(chdir(folder), 0); // a name without a folder
    file = start("file", "third");
    CU_ASSERT_EQUAL(new_file_keep(&file), 0);
    holds(path, "third");
    CU_ASSERT_EQUAL(clear(), 1);
}

static void test_dropped(void)
{
    struct new_file file = start(path, "no");

    new_file_drop(&file);
    CU_ASSERT_EQUAL(clear(), 0);
    put(path, "old");
    file = start(path, "no");
    new_file_drop(&file);
    holds(path, "old");
    CU_ASSERT_EQUAL(clear(), 1);
}

// A folder has taken the name meanwhile.
static void test_not_kept(void)
{
    struct new_file file = start(path, "no");

    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    CU_ASSERT_EQUAL(new_file_keep(&file), -EISDIR);
    CU_ASSERT_EQUAL(rmdir(path), 0);
    CU_ASSERT_EQUAL(clear(), 0);
}

static void test_link(void)
{
    struct new_file file;

    put(beside, "old");
    CU_ASSERT_EQUAL(symlink(beside, path), 0);
    file = start(path, "new");
    CU_ASSERT_EQUAL(new_file_keep(&file), 0);
    holds(beside, "new");
    CU_ASSERT_EQUAL(clear(), 2);
}

static void test_pipe(void)
{
    struct new_file file;
    struct stat status;
    char got[4] = "";
    int reader;

    CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
    reader = open(path, O_RDONLY | O_NONBLOCK);
    file = start(path, "one");
    CU_ASSERT_EQUAL(new_file_keep(&file), 0);
    CU_ASSERT_EQUAL(read(reader, got, 3), 3);
    CU_ASSERT_STRING_EQUAL(got, "one");
    file = start(path, "two");
    new_file_drop(&file);
    CU_ASSERT(!stat(path, &status) && S_ISFIFO(status.st_mode));
    close(reader);
    CU_ASSERT_EQUAL(clear(), 1);
}

static void test_refused(void)
{
    struct new_file file;

    CU_ASSERT_EQUAL(new_file_open(&file, "/nowhere/file"), -ENOENT);
    CU_ASSERT_EQUAL(new_file_open(&file, folder), -EISDIR);
    put(path, "old");
    snprintf(beside, sizeof(beside), "%s/file/x", folder);
    CU_ASSERT_EQUAL(new_file_open(&file, beside), -ENOTDIR);
    CU_ASSERT_EQUAL(clear(), 1);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"kept", test_kept},   {"dropped", test_dropped}, {"cannot be kept", test_not_kept},
        {"a link", test_link}, {"a pipe", test_pipe},     {"refused", test_refused},
        CU_TEST_INFO_NULL,
    };
    int failed;

    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/file", folder);
    snprintf(beside, sizeof(beside), "%s/other", folder);
    failed = run_suite("new files", tests);
    rmdir(folder);
    return failed;
}

// Streams of guests, bare or in xl's files, on a machine of a few frames: whatever comes, it ends
// with an error in words or with a guest, and nothing is touched that is not the new domain's.
//
// sources: dom0-tools/stream/*.c dom0-tools/control/grant_seed.c dom0-tools/control/hvm.c
// sources: tests/tools/fake_machine.c
// libraries: -D_GNU_SOURCE -Idom0-tools
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stream/file.h"
#include "stream/stream.h"
#include "tests/tools/fake_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try(int fd, FILE *null, bool hvm)
{
    struct stream_restored result;
    struct stream_restore restore = {.control = machine_control(), .domain = 2, .hvm = hvm};
    char *config;
    bool file;

    machine_reset();
    machine.frames_left = 64;
    machine_create_domain(2);
    machine.domains[2].hvm = hvm;
    lseek(fd, 0, SEEK_SET);
    restore.fd = fd;
    restore.messages = null;
    file = !saved_read_begin(fd, &config, null);
    if (file)
        free(config);
    else if (config)
        abort();
    else
        lseek(fd, 0, SEEK_SET);
    if (stream_restore_guest(&restore, &result) > 0)
        abort();
    if (file)
        saved_read_end(fd, null);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *null;
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("stream", 0);
        null = fopen("/dev/null", "w");
    }
    if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    try(fd, null, false);
    try(fd, null, true);
    return 0;
}

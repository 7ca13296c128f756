// Xenstore's permissions and places, for clients and the daemon alike (libxenstore 4's
// xenstore_lib.h).
#pragma once

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pv-abi/io/xs_wire.h"

// One entry of a node's permissions. In the first of a list, `id` owns the node and `perms` is what
// every domain without an entry of its own may do.
struct xs_permissions {
    unsigned int id;
    unsigned int perms; // XS_PERM_*
};

#define XS_PERM_NONE  0x00
#define XS_PERM_READ  0x01
#define XS_PERM_WRITE 0x02
// Only in the daemon.
#define XS_PERM_ENOENT_OK 0x04
#define XS_PERM_OWNER     0x08
#define XS_PERM_IGNORE    0x10

// Room for a number of x's type as decimal text: three digits for each ten bits, sign and end.
#define MAX_STRLEN(x) ((sizeof(x) * CHAR_BIT + CHAR_BIT - 1) / 10 * 3 + 2)

// The daemon's folder ($XENSTORED_RUNDIR, else /run/xenstored) and its socket ($XENSTORED_PATH,
// else "socket" in that folder). NULL: the path is too long. The text belongs to the library.
const char *xs_daemon_rundir(void);
const char *xs_daemon_socket(void);
const char *xs_daemon_socket_ro(void);

// write(2) until all is written. False and errno if that fails.
bool xs_write_all(int fd, const void *data, unsigned int len);

// Reads `num` permissions as the protocol writes them ("n0\0r1\0"). False and EINVAL if one is not
// a letter of "rwbn" and a domain's number.
bool xs_strings_to_perms(struct xs_permissions *perms, unsigned int num, const char *strings);

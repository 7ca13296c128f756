// A client's view of xenstore: the interface of libxenstore 4 (Xen 4.17), whose programs run with
// this library unchanged.
//
// Functions that return bool or a pointer say false or NULL on failure, with errno set: to the
// daemon's own error, to EBADF once the connection is lost, to E2BIG for a request above
// XENSTORE_PAYLOAD_MAX. A request that succeeds leaves errno 0. What is returned by pointer is one
// allocation, the caller's to free().
//
// Threads may share a handle; their requests go one after the other. The first xs_watch() starts a
// thread that reads for all, so that events arrive while nobody asks. A child after fork() has no
// such thread: it may only throw the handle away.
#pragma once

#include "xenstore_lib.h"

#define XBT_NULL 0 // in no transaction

// Flags of xs_open(). The first two are accepted and ignored.
#define XS_OPEN_READONLY   (1UL << 0)
#define XS_OPEN_SOCKETONLY (1UL << 1)
// After xs_unwatch(), queued events of that token below that path are dropped.
#define XS_UNWATCH_FILTER (1UL << 2)

struct xs_handle;
typedef uint32_t xs_transaction_t;

// Connects to the daemon's socket or, failing that, to the kernel's device (/dev/xen/xenbus).
struct xs_handle *xs_open(unsigned long flags);
void xs_close(struct xs_handle *h); // NULL is ignored

// Other names for xs_open(0) and xs_close().
struct xs_handle *xs_daemon_open(void);
struct xs_handle *xs_domain_open(void);
struct xs_handle *xs_daemon_open_readonly(void);
void xs_daemon_close(struct xs_handle *h);

// Frees a handle inherited through fork().
void xs_daemon_destroy_postfork(struct xs_handle *h);

// Names of the children, however many; *num tells how many.
char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *num);

// The value and a NUL behind it; *len (may be NULL): its bytes without that.
void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len);
bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
              unsigned int len);
bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path); // true if it is there
bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path);    // with all below it

// Always false: a connection cannot be restricted to a domain.
bool xs_restrict(struct xs_handle *h, unsigned int domid);

struct xs_permissions *xs_get_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                                          unsigned int *num);
bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                        struct xs_permissions *perms, unsigned int num_perms);

// Asks for an event, marked with the token, at every change at or below the path, and one at once.
bool xs_watch(struct xs_handle *h, const char *path, const char *token);
bool xs_unwatch(struct xs_handle *h, const char *path, const char *token);

// A descriptor that polls readable while events wait, or the connection is lost. The handle's own.
int xs_fileno(struct xs_handle *h);

// The next event: [XS_WATCH_PATH] is what changed, [XS_WATCH_TOKEN] the watch's token. The first
// fails with EAGAIN if there is none, the second waits; EINVAL: the connection is lost.
char **xs_check_watch(struct xs_handle *h);
char **xs_read_watch(struct xs_handle *h, unsigned int *num);

// What is done in a transaction is seen by others at its end, at once or, if aborted, never.
// XBT_NULL and errno if none can be started; end fails with EAGAIN if others' changes stood against
// it.
xs_transaction_t xs_transaction_start(struct xs_handle *h);
bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort);

// For toolstacks. `mfn` is the domain's xenstore page, `eventchn` its own port.
bool xs_introduce_domain(struct xs_handle *h, unsigned int domid, unsigned long mfn,
                         unsigned int eventchn);
bool xs_set_target(struct xs_handle *h, unsigned int domid, unsigned int target);
bool xs_resume_domain(struct xs_handle *h, unsigned int domid);
bool xs_release_domain(struct xs_handle *h, unsigned int domid);
bool xs_is_domain_introduced(struct xs_handle *h, unsigned int domid);
char *xs_get_domain_path(struct xs_handle *h, unsigned int domid);

// The daemon's answer to a command of XS_CONTROL and its arguments, each ended by a NUL.
char *xs_control_command(struct xs_handle *h, const char *cmd, void *data, unsigned int len);
char *xs_debug_command(struct xs_handle *h, const char *cmd, void *data, unsigned int len);

// Whether the child is the parent or below it, by their texts alone: "/" has nothing below it.
bool xs_path_is_subpath(const char *parent, const char *child);

// The event channel by which a domain is told to suspend, or -1.
int xs_suspend_evtchn_port(int domid);

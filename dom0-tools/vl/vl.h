// What all of vl's commands share: the table's entries, options, errors, and the ways to the
// hypervisor and to xenstore.
//
// A command ends with one of xl's exit codes. Functions here that say so end the program themselves
// when nothing else can be done.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/control.h"
#include "xenstore/xenstore.h"

enum { VL_OK = 0, VL_FAILED = 1, VL_USAGE = 2, VL_CONFIG = 3 };

struct vl_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;   // what follows the name
    const char *summary; // one line
    const char *options; // lines of help, or NULL
};

extern const struct vl_command vl_commands[];
extern const size_t vl_commands_count;

// Given before the command.
extern bool vl_verbose; // -v
extern bool vl_dry_run; // -N

// getopt_long(3) with --help (and -h, unless `letters` has it): prints help and ends with VL_OK, or
// what is wrong and ends with VL_USAGE. `options` may be NULL. Returns -1 when done.
struct option;
int vl_option(int argc, char **argv, const char *letters, const struct option *options);

// For commands without options of their own.
void vl_no_options(int argc, char **argv);

// Whether there are so many operands behind the options; ends with VL_USAGE if not. Returns how
// many.
int vl_operands(int argc, int least, int most);

// "vl COMMAND: ..." on the standard error. vl_fail() adds what `error` (-errno) means and what may
// be done about it. Both return VL_FAILED.
int vl_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
int vl_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Ends with VL_USAGE: a word of the command line is wrong.
void vl_misused(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

// A number within bounds, all of `text`; ends with VL_USAGE otherwise. `what` names it.
long long vl_number(const char *text, const char *what, long long least, long long most);

// The hypervisor and the store. They are opened at the first call; what cannot be is said, and ends
// the program with VL_FAILED. vl_store_if_any() says nothing and returns NULL.
struct control *vl_control(void);
struct xs_handle *vl_store(void);
struct xs_handle *vl_store_if_any(void);

// Memory of control_buffer(), which is there or the program ends.
void *vl_buffer(size_t size);

// Memory of malloc(3) likewise, zeroed.
void *vl_alloc(size_t size);

// Asks on the store below a domain's folder. The value is the caller's, NULL if there is none.
char *vl_store_read(domid_t domain, const char *path);
// Says so if it fails.
int vl_store_write(domid_t domain, const char *path, const char *value);

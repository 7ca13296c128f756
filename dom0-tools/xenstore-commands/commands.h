// The commands of the multi-call program `xenstore`, and what one call of one of them is given.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "xenstore/xenstore.h"

struct call {
    const char *name; // as errors show it, "xenstore-read"
    struct xs_handle *h;
    xs_transaction_t t; // XBT_NULL outside of one
    FILE *out;
    bool set[128]; // options given, by letter
    int number;    // -n
};

enum transactions {
    NEVER,
    FOR_SEVERAL, // if more than one group of arguments is given
    ALWAYS,
};

struct command {
    const char *name;
    const char *options; // as getopt(3) wants them
    const char *usage;   // options and arguments
    const char *help;    // what it does, in lines
    int least, step;     // arguments: at least so many, and in groups of so many
    enum transactions transactions;
    // Does it. False after saying why not; the transaction is then aborted.
    bool (*run)(struct call *call, char **args, int count);
};

bool run_read(struct call *call, char **args, int count);
bool run_write(struct call *call, char **args, int count);
bool run_list(struct call *call, char **args, int count);
bool run_ls(struct call *call, char **args, int count);
bool run_rm(struct call *call, char **args, int count);
bool run_exists(struct call *call, char **args, int count);
bool run_chmod(struct call *call, char **args, int count);
bool run_watch(struct call *call, char **args, int count);
bool run_control(struct call *call, char **args, int count);

// Says on standard error what could not be done to what, and errno's meaning. Returns false.
bool complain(const struct call *call, const char *what, const char *path);

// Tests, checks and how they are reported.
//
// A test is a function in the linker section "tests". It is run alone: an exception that it did not
// expect, or a REQUIRE that does not hold, ends it and no other. Each prints one line, `ok NAME`,
// `skip NAME: why`, or one `FAIL NAME: file:line got X want Y (expression)` a failed check.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/errno.h"

struct test {
    const char *name;
    void (*run)(void);
};

#define TEST(id)                                                                \
    static void test_##id(void);                                                \
    static const struct test test_entry_##id                                    \
        __attribute__((used, section("tests"), aligned(8))) = {#id, test_##id}; \
    static void test_##id(void)

#define CHECK(cond)         check_true((cond) ? true : false, __FILE__, __LINE__, #cond)
#define CHECK_EQ(got, want) check_equal((long)(got), (long)(want), __FILE__, __LINE__, #got)
// A call must be refused with this error: CHECK_ERR(hc_x(...), EINVAL).
#define CHECK_ERR(got, name) check_equal((long)(got), -(long)XEN_##name, __FILE__, __LINE__, #got)
#define CHECK_OK(got)        check_equal((long)(got), 0, __FILE__, __LINE__, #got)
// Refused with any of the errors; for cases where the ABI leaves the number open.
#define CHECK_REFUSED(got) check_refused((long)(got), __FILE__, __LINE__, #got)
// Without this the rest of the test makes no sense.
#define REQUIRE(cond)       \
    do {                    \
        if (!CHECK(cond))   \
            test_abandon(); \
    } while (0)
#define REQUIRE_OK(got)     \
    do {                    \
        if (!CHECK_OK(got)) \
            test_abandon(); \
    } while (0)
// The machine or the configuration lacks what the test needs.
#define SKIP(why) test_skip(why)

bool check_true(bool ok, const char *file, int line, const char *what);
bool check_equal(long got, long want, const char *file, int line, const char *what);
bool check_refused(long got, const char *file, int line, const char *what);
void test_abandon(void) __attribute__((noreturn));
void test_skip(const char *why) __attribute__((noreturn));
// Ends the running test as failed; for the runtime's trap handler.
void test_fail_now(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

// Runs every test that the command line selects; true if none failed.
bool test_run_all(const char *command_line);

// The options are of this command line: what test_run_all does too.
void test_options(const char *command_line);

// The number after `NAME=` on the command line, or `otherwise`.
unsigned long option_number(const char *name, unsigned long otherwise);
bool option_given(const char *name);
// The text after `NAME=` (give the name with its `=`), up to the command line's end; NULL.
const char *option_text(const char *name);

// True on Vellum, false on another hypervisor of the same ABI.
bool on_vellum(void);

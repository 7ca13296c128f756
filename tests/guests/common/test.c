#include "tests/guests/common/test.h"

#include "pv-abi/sched.h"
#include "tests/guests/common/guest.h"

#define MAX_FAILURES_SHOWN 8

extern const struct test __start_tests[], __stop_tests[];

static const struct test *current;
static struct jump leave; // out of the running test
static bool can_leave;
static unsigned checks, failures; // of the running test
static const char *skipped;
static const char *options;

// Checks

static const char *short_name(const char *file)
{
    const char *last = file;

    for (; *file; file++)
        if (*file == '/')
            last = file + 1;
    return last;
}

static const char *errno_name(long value)
{
#define ERRNO_CASE(name, number) \
    case -(number):              \
        return " (-" #name ")";
    switch (value) {
        XEN_ERRNO_LIST(ERRNO_CASE)
    default:
        return "";
    }
#undef ERRNO_CASE
}

static bool count_failure(void)
{
    failures++;
    if (failures == MAX_FAILURES_SHOWN + 1)
        print("FAIL %s: (more failures not shown)\n", current->name);
    return failures <= MAX_FAILURES_SHOWN;
}

bool check_true(bool ok, const char *file, int line, const char *what)
{
    checks++;
    if (!ok && count_failure())
        print("FAIL %s: %s:%d got false want true (%s)\n", current->name, short_name(file), line,
              what);
    return ok;
}

bool check_equal(long got, long want, const char *file, int line, const char *what)
{
    checks++;
    if (got == want)
        return true;
    if (!count_failure())
        return false;
    if (got > -4096 && got < 100000 && want > -4096 && want < 100000)
        print("FAIL %s: %s:%d got %ld%s want %ld%s (%s)\n", current->name, short_name(file), line,
              got, errno_name(got), want, errno_name(want), what);
    else
        print("FAIL %s: %s:%d got 0x%lx want 0x%lx (%s)\n", current->name, short_name(file), line,
              got, want, what);
    return false;
}

bool check_refused(long got, const char *file, int line, const char *what)
{
    checks++;
    if (got < 0 && got > -4096)
        return true;
    if (count_failure())
        print("FAIL %s: %s:%d got %ld want an error (%s)\n", current->name, short_name(file), line,
              got, what);
    return false;
}

void test_abandon(void)
{
    jump_to(&leave, 1);
}

void test_skip(const char *why)
{
    skipped = why;
    test_abandon();
}

void test_fail_now(const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    format(text, sizeof(text), fmt, args);
    va_end(args);
    if (!can_leave) {
        print("FATAL %s\n", text);
        for (;;)
            hc(sched_op, SCHEDOP_shutdown, &(struct sched_shutdown){.reason = SHUTDOWN_crash});
    }
    failures++;
    print("FAIL %s: %s\n", current->name, text);
    test_abandon();
}

// Options

void test_options(const char *command_line)
{
    options = command_line;
}

const char *option_text(const char *name)
{
    size_t length = strlen(name);

    for (const char *p = options; *p; p++)
        if ((p == options || p[-1] == ' ') && strncmp(p, name, length) == 0)
            return p + length;
    return NULL;
}

bool option_given(const char *name)
{
    return option_text(name) != NULL;
}

unsigned long option_number(const char *name, unsigned long otherwise)
{
    const char *p = option_text(name);
    unsigned long value = 0;

    if (!p)
        return otherwise;
    for (; *p >= '0' && *p <= '9'; p++)
        value = value * 10 + (unsigned long)(*p - '0');
    return value;
}

static bool separates(char c)
{
    return c == ':' || c == ',';
}

// True if a name of the list begins `test`. Colons separate, and commas where the boot loader lets
// them through (QEMU's -initrd does not).
static bool listed(const char *list, const char *test)
{
    while (*list && *list != ' ') {
        size_t n = 0;

        while (list[n] && list[n] != ' ' && !separates(list[n]))
            n++;
        if (n && strncmp(list, test, n) == 0)
            return true;
        list += n + separates(list[n]);
    }
    return false;
}

static bool selected(const char *name)
{
    const char *only = option_text("only=");
    const char *skip = option_text("skip=");

    return (!only || listed(only, name)) && !(skip && listed(skip, name));
}

// Running

static void leave_no_trace(void)
{
    unsigned lost;

    trap_hook = NULL;
    events_scan_hook = NULL;
    catch_end();
    trap_restore();
    events_enable();
    lost = pool_release();
    if (lost && failures == 0 && !skipped)
        print("note %s: left %u pages unusable\n", current->name, lost);
}

static void run_one(const struct test *test)
{
    uint64_t start = time_now();

    current = test;
    checks = failures = 0;
    skipped = NULL;
    if (option_given("verbose"))
        print("run  %s\n", test->name);
    if (jump_set(&leave) == 0) {
        can_leave = true;
        test->run();
    }
    can_leave = false;
    leave_no_trace();
    if (skipped && failures == 0)
        print("skip %s: %s\n", test->name, skipped);
    else if (failures == 0 && option_given("verbose"))
        print("ok   %s (%u checks, %lu ms)\n", test->name, checks,
              (time_now() - start) / NS_PER_MS);
    else if (failures == 0)
        print("ok %s\n", test->name);
}

bool test_run_all(const char *command_line)
{
    unsigned passed = 0, failed = 0, skips = 0, all_checks = 0;

    test_options(command_line);
    for (const struct test *test = __start_tests; test < __stop_tests; test++) {
        if (!selected(test->name))
            continue;
        run_one(test);
        all_checks += checks;
        if (failures)
            failed++;
        else if (skipped)
            skips++;
        else
            passed++;
    }
    print("%u checks, %u tests skipped, %lu ms\n", all_checks, skips, time_now() / NS_PER_MS);
    print("%u passed, %u failed\n", passed, failed);
    return failed == 0;
}

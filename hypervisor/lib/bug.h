// What to do when the hypervisor itself is wrong. A guest's mistake never ends here: it is answered
// with -errno or crashes that guest (core/domain.h). These are for broken invariants only.
#pragma once

// Prints the message, this CPU's state and a symbolised backtrace, then reboots or halts as the
// command line asks. Never returns.
__attribute__((noreturn, format(printf, 1, 2))) void panic(const char *fmt, ...);

#define BUG() panic("BUG at %s:%d\n", __FILE__, __LINE__)
#define BUG_ON(cond)                                                \
    do {                                                            \
        if (__builtin_expect(!!(cond), 0))                          \
            panic("BUG at %s:%d: %s\n", __FILE__, __LINE__, #cond); \
    } while (0)

#ifdef NDEBUG
#define ASSERT(cond) ((void)sizeof(cond))
#else
#define ASSERT(cond) BUG_ON(!(cond))
#endif

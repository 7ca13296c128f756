// What hypercalls cost: one trap each, many in a multicall, many through the asynchronous ring. In
// ticks of the TSC for so many operations, everything included that the guest does for them; the
// least of some rounds.
#include "frontends/kernel/async.h"
#include "frontends/kernel/clock.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "frontends/reference/shell.h"
#include "pv-abi/multicall.h"
#include "pv-abi/version.h"

#define MOST   512u
#define ROUNDS 8u

// An operation that does nothing, or as little as a useful one can.
struct operation {
    const char *name;
    unsigned op;
    uint64_t a, b, c;
    long result; // the right one
};

typedef int way(const struct operation *o, unsigned count);

static struct multicall_entry entries[MOST];

static int by_traps(const struct operation *o, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (hypercall(o->op, o->a, o->b, o->c, 0, 0) != o->result)
            return -XEN_EIO;
    return 0;
}

static int by_multicall(const struct operation *o, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        entries[i].op = o->op;
        entries[i].args[0] = o->a;
        entries[i].args[1] = o->b;
        entries[i].args[2] = o->c;
    }
    if (hc(multicall, entries, count))
        return -XEN_EIO;
    for (unsigned i = 0; i < count; i++)
        if ((long)entries[i].result != o->result)
            return -XEN_EIO;
    return 0;
}

static int by_ring(const struct operation *o, unsigned count)
{
    struct async_result result;

    for (unsigned i = 0; i < count; i++)
        if (!async_put(o->op, i, o->a, o->b, o->c))
            return -XEN_ENOSPC;
    for (unsigned i = 0; i < count; i++) {
        while (!async_take(&result))
            if (async_kick() < 0)
                return -XEN_EIO;
        if (result.data != i || result.result != o->result)
            return -XEN_EIO;
    }
    return 0;
}

static int measure(const struct operation *o, const char *name, way *run)
{
    static const unsigned counts[] = {1, 8, 64, 512};

    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        uint64_t least = UINT64_MAX;

        for (unsigned round = 0; round < ROUNDS; round++) {
            uint64_t start = tsc_read(), ticks;
            int error = run(o, counts[i]);

            ticks = tsc_read() - start;
            if (error) {
                print("%s by %s: wrong result\n", o->name, name);
                return error;
            }
            least = MIN(least, ticks);
        }
        print("BENCH %s_%s_%u %lu\n", o->name, name, counts[i], least);
    }
    return 0;
}

static int measure_all(const struct operation *o)
{
    int error = measure(o, "trap", by_traps);

    if (!error)
        error = measure(o, "multicall", by_multicall);
    if (!error && async_present())
        error = measure(o, "async", by_ring);
    return error;
}

COMMAND(hypercalls, "", "measures hypercalls: one by one, in a multicall, asynchronous")
{
    void *page = page_alloc();
    struct operation operations[] = {
        {"null", __HYPERVISOR_xen_version, XENVER_version, 0, 0,
         hc(xen_version, XENVER_version, 0)},
        {"map", __HYPERVISOR_update_va_mapping, (uint64_t)page, 0, UVMF_INVLPG, 0},
    };
    int error = page ? 0 : -XEN_ENOMEM;

    if (!error && async_present())
        error = async_begin(MOST);
    if (!error)
        operations[1].b = mfn_of(page) << PAGE_SHIFT | 0x67;
    for (unsigned i = 0; i < ARRAY_SIZE(operations) && !error; i++)
        error = measure_all(&operations[i]);
    async_end();
    if (page)
        page_free(page);
    return error;
}

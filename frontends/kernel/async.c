#include "frontends/kernel/async.h"

#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"

static struct {
    struct async_header *header; // NULL: there is no ring
    struct async_call *calls;
    struct async_result *results;
    uint32_t entries, nr_pages;
    uint32_t put, taken; // ours of the indexes
} ring;

static uint32_t cpuid(uint32_t leaf, uint32_t *b)
{
    uint32_t a = leaf, c = 0, d;

    // The prefix has the hypervisor answer also where CPUID does not trap.
    __asm__ volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid"
                     : "+a"(a), "=b"(*b), "+c"(c), "=d"(d));
    return a;
}

bool async_present(void)
{
    uint32_t b, last = cpuid(VELLUM_CPUID_FIRST_LEAF, &b);

    return b == VELLUM_CPUID_SIGNATURE_EBX && last >= VELLUM_CPUID_FEATURES_LEAF &&
           cpuid(VELLUM_CPUID_FEATURES_LEAF, &b) & VELLUM_FEATURE_ASYNC;
}

int async_begin(unsigned entries)
{
    struct async_register reg = {.entries = entries};
    long error;

    if (!async_present())
        return -XEN_EOPNOTSUPP;
    reg.nr_pages = (uint32_t)((ASYNC_RING_SIZE(entries) + PAGE_SIZE - 1) / PAGE_SIZE);
    if (reg.nr_pages > ASYNC_MAX_PAGES)
        return -XEN_EINVAL;
    ring.header = pages_alloc(reg.nr_pages);
    if (!ring.header)
        return -XEN_ENOMEM;
    for (unsigned i = 0; i < reg.nr_pages; i++)
        reg.pages[i] = mfn_of((char *)ring.header + i * PAGE_SIZE);
    error = hc(async_op, ASYNCOP_register, &reg);
    if (error) {
        pages_free(ring.header, reg.nr_pages);
        ring.header = NULL;
        return (int)error;
    }
    ring.calls = (struct async_call *)(ring.header + 1);
    ring.results = (struct async_result *)(ring.calls + entries);
    ring.entries = entries;
    ring.nr_pages = reg.nr_pages;
    ring.put = ring.taken = 0;
    return 0;
}

void async_end(void)
{
    if (!ring.header)
        return;
    hc(async_op, ASYNCOP_unregister, 0);
    pages_free(ring.header, ring.nr_pages);
    ring.header = NULL;
}

bool async_put(unsigned op, uint64_t data, uint64_t a, uint64_t b, uint64_t c)
{
    struct async_call *call = &ring.calls[ring.put & (ring.entries - 1)];

    if (ring.put - __atomic_load_n(&ring.header->call_head, __ATOMIC_ACQUIRE) >= ring.entries)
        return false;
    call->op = op;
    call->reserved = 0;
    call->data = data;
    call->args[0] = a;
    call->args[1] = b;
    call->args[2] = c;
    __atomic_store_n(&ring.header->call_tail, ++ring.put, __ATOMIC_RELEASE);
    return true;
}

long async_kick(void)
{
    return hc(async_op, ASYNCOP_kick, 0);
}

bool async_take(struct async_result *result)
{
    if (ring.taken == __atomic_load_n(&ring.header->result_tail, __ATOMIC_ACQUIRE))
        return false;
    *result = ring.results[ring.taken & (2 * ring.entries - 1)];
    __atomic_store_n(&ring.header->result_head, ++ring.taken, __ATOMIC_RELEASE);
    return true;
}

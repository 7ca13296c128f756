#include "tests/unit/fake/platform.h"

#include <sanitizer/asan_interface.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/hypercall.h"
#include "core/sched.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "mm/guest.h"

// The list of domains is the hypervisor's own.
#include "hypervisor/core/domain_list.c"

__thread struct cpu_info fake_cpu_info;
unsigned nr_cpus = 1;
cpumask_t cpus_online = 1;
struct cpu_info *cpu_infos[MAX_CPUS];
mfn_t max_mfn = FAKE_FRAMES;

struct domain *dom0, *dom_io, *dom_xen;
struct domain idle_domain;

struct domain_ops fake_ops = {.name = "fake", .kind = GUEST_PV};
unsigned fake_kicks, fake_wakes;
struct vcpu *fake_last_kicked, *fake_last_woken;
unsigned fake_preempt_every;
int fake_alloc_budget = -1;
unsigned fake_continued, fake_hypercall;
uint64_t fake_hypercall_args[6];

static uint8_t page_orders[FAKE_FRAMES]; // order + 1 at the first page of a block, 0xff inside
static unsigned pages_in_use, objects_in_use, preempt_calls;
static uint64_t random_state = 1;

// Memory ---------------------------------------------------------------------------------------

static void map(uint64_t start, size_t size)
{
    void *va = mmap((void *)start, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);

    if (va != (void *)start)
        panic("cannot map the fake machine's memory at %lx\n", start);
}

__attribute__((constructor)) static void map_memory(void)
{
    map(DIRECTMAP_START, FAKE_FRAMES * PAGE_SIZE);
    map(FRAMETABLE_START, FAKE_FRAMES * sizeof(struct frame));
    map(M2P_RW_START, FAKE_FRAMES * sizeof(uint64_t));
    fake_reset();
}

unsigned fake_reset(void)
{
    unsigned leaked = pages_in_use + objects_in_use;

    ASAN_UNPOISON_MEMORY_REGION((void *)DIRECTMAP_START, FAKE_FRAMES * PAGE_SIZE);
    memset((void *)FRAMETABLE_START, 0, FAKE_FRAMES * sizeof(struct frame));
    memset(page_orders, 0, sizeof(page_orders));
    ASAN_POISON_MEMORY_REGION((void *)DIRECTMAP_START, FAKE_FRAMES * PAGE_SIZE);
    pages_in_use = objects_in_use = 0;
    list_init(&domains);
    memset(buckets, 0, sizeof(buckets));
    dom0 = NULL;
    fake_kicks = fake_wakes = fake_continued = fake_preempt_every = 0;
    fake_alloc_budget = -1;
    fake_run(NULL);
    return leaked;
}

unsigned fake_pages_in_use(void)
{
    return pages_in_use;
}

unsigned fake_objects_in_use(void)
{
    return objects_in_use;
}

static bool may_allocate(void)
{
    if (fake_alloc_budget == 0)
        return false;
    if (fake_alloc_budget > 0)
        fake_alloc_budget--;
    return true;
}

static bool block_free(unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++)
        if (page_orders[i])
            return false;
    return true;
}

static spinlock_t alloc_lock = SPINLOCK_INIT;

void *pages_alloc(unsigned order)
{
    unsigned n = 1u << order, first = n;
    static unsigned next = 1;
    void *va;

    if (!may_allocate())
        return NULL;
    spin_lock(&alloc_lock);
    first = ROUND_UP(next, n);
    if (first + n > FAKE_FRAMES || !block_free(first, n))
        for (first = n; first + n <= FAKE_FRAMES && !block_free(first, n); first += n)
            ;
    if (first + n > FAKE_FRAMES)
        panic("the fake machine's memory is full\n");
    next = first + n < FAKE_FRAMES ? first + n : 1;
    memset(&page_orders[first], 0xff, n);
    page_orders[first] = (uint8_t)(order + 1);
    pages_in_use += n;
    for (unsigned i = first; i < first + n; i++)
        frame_table[i] = (struct frame){.kind = FRAME_HYPERVISOR};
    spin_unlock(&alloc_lock);
    va = mfn_to_virt(first);
    ASAN_UNPOISON_MEMORY_REGION(va, n * PAGE_SIZE);
    memset(va, 0, n * PAGE_SIZE);
    return va;
}

void pages_free(void *va, unsigned order)
{
    mfn_t first = virt_to_mfn(va);

    if (!va)
        return;
    if (first >= FAKE_FRAMES || page_orders[first] != order + 1)
        panic("pages_free(%p, %u) of what was not allocated\n", va, order);
    for (unsigned i = 0; i < 1u << order; i++)
        if ((frame_table[first + i].state & FS_REFS) >
            (frame_table[first + i].kind == FRAME_SHARED ? FS_REF : 0))
            panic("pages_free(%p) of a frame with references\n", va);
    ASAN_POISON_MEMORY_REGION(va, PAGE_SIZE << order);
    spin_lock(&alloc_lock);
    memset(&page_orders[first], 0, 1u << order);
    pages_in_use -= 1u << order;
    spin_unlock(&alloc_lock);
}

void *xzalloc_bytes(size_t size)
{
    if (!may_allocate())
        return NULL;
    __atomic_fetch_add(&objects_in_use, 1, __ATOMIC_SEQ_CST);
    return calloc(1, size);
}

void xfree(void *p)
{
    if (p)
        __atomic_fetch_sub(&objects_in_use, 1, __ATOMIC_SEQ_CST);
    free(p);
}

// Guest memory -----------------------------------------------------------------------------------

static bool faults(uint64_t address, size_t len)
{
    return len && address < FAKE_FAULT_END && address + len > FAKE_FAULT_ADDRESS - 0x1000;
}

__attribute__((weak)) int copy_from_guest(void *dst, uint64_t src, size_t len)
{
    if (faults(src, len))
        return -EFAULT;
    if (len)
        memcpy(dst, (const void *)src, len);
    return 0;
}

__attribute__((weak)) int copy_to_guest(uint64_t dst, const void *src, size_t len)
{
    if (faults(dst, len))
        return -EFAULT;
    if (len)
        memcpy((void *)dst, src, len);
    return 0;
}

int clear_guest(uint64_t dst, size_t len)
{
    if (faults(dst, len))
        return -EFAULT;
    if (len)
        memset((void *)dst, 0, len);
    return 0;
}

// Domains ----------------------------------------------------------------------------------------

static unsigned order_of(size_t size)
{
    unsigned order = 0;

    while ((size_t)PAGE_SIZE << order < size)
        order++;
    return order;
}

struct domain *fake_domain(domid_t id, unsigned nr_vcpus, bool privileged)
{
    struct domain *d = pages_alloc(order_of(sizeof(*d)));

    d->id = id;
    d->privileged = privileged;
    d->ops = &fake_ops;
    d->refs = 1;
    d->max_vcpus = nr_vcpus;
    d->shared_info = pages_alloc(0);
    d->vcpus = xzalloc_array(struct vcpu *, nr_vcpus);
    for (unsigned i = 0; i < nr_vcpus; i++) {
        struct vcpu *v = xzalloc(struct vcpu);

        v->id = i;
        v->domain = d;
        if (i < XEN_LEGACY_MAX_VCPUS)
            v->info = &d->shared_info->vcpu_info[i];
        d->vcpus[i] = v;
    }
    if (!domain_list_add(d))
        panic("d%u is there already\n", id);
    if (id == 0)
        dom0 = d;
    return d;
}

void fake_domain_remove(struct domain *d)
{
    domain_list_remove(d);
    if (d == dom0)
        dom0 = NULL;
}

void fake_domain_free(struct domain *d)
{
    if (!list_empty(&d->link))
        fake_domain_remove(d);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        xfree(d->vcpus[i]);
    xfree(d->vcpus);
    pages_free(d->shared_info, 0);
    pages_free(d, order_of(sizeof(*d)));
}

void domain_put(struct domain *d)
{
    if (__atomic_fetch_sub(&d->refs, 1, __ATOMIC_SEQ_CST) == 0)
        panic("d%u: a reference too many given back\n", d->id);
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
    d->shutting_down = true;
}

// CPUs -------------------------------------------------------------------------------------------

void smp_call(cpumask_t mask, void (*fn)(void *), void *arg)
{
    fn(arg);
}

void (*fake_on_wait)(void);

void smp_serve(void)
{
    sched_yield();
    if (fake_on_wait)
        fake_on_wait();
}

void smp_kick(unsigned cpu)
{
}

__attribute__((weak)) bool preempt_check(void)
{
    return fake_preempt_every && ++preempt_calls % fake_preempt_every == 0;
}

// Weak, where a test may link the real one instead.
__attribute__((weak)) void vcpu_kick(struct vcpu *v)
{
    __atomic_fetch_add(&fake_kicks, 1, __ATOMIC_SEQ_CST);
    fake_last_kicked = v;
}

__attribute__((weak)) void vcpu_wake(struct vcpu *v)
{
    __atomic_fetch_add(&fake_wakes, 1, __ATOMIC_SEQ_CST);
    fake_last_woken = v;
}

__attribute__((weak)) long hypercall_continue(unsigned number, unsigned nargs, ...)
{
    va_list ap;

    fake_continued++;
    fake_hypercall = number;
    va_start(ap, nargs);
    for (unsigned i = 0; i < nargs; i++)
        fake_hypercall_args[i] = va_arg(ap, uint64_t);
    va_end(ap);
    return -ERESTART;
}

// Messages ---------------------------------------------------------------------------------------

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    abort();
}

static void print(const char *fmt, va_list ap)
{
    if (getenv("VERBOSE"))
        vfprintf(stderr, fmt, ap);
}

void log_print(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    print(fmt, ap);
    va_end(ap);
}

void log_guest(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    print(fmt, ap);
    va_end(ap);
}

// xorshift64*
void fake_seed(uint64_t seed)
{
    random_state = seed ?: 1;
}

uint64_t fake_random(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

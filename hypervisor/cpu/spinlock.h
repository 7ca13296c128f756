// Ticket spinlocks. The hypervisor runs with interrupts off, so there is one kind of lock only. A
// CPU that waits for a lock serves requests from other CPUs (TLB flushes, calls: cpu/smp.h)
// meanwhile; without that, a holder that waits for this CPU's answer would wait forever.
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct spinlock {
    volatile uint16_t owner; // ticket being served
    volatile uint16_t next;  // next ticket to hand out
} spinlock_t;

#define SPINLOCK_INIT \
    {                 \
        0, 0          \
    }

// Serves what other CPUs asked of this one since the last look. Defined in cpu/smp.c.
void smp_serve(void);

static inline void spin_init(spinlock_t *l)
{
    l->owner = l->next = 0;
}

static inline void spin_lock(spinlock_t *l)
{
    uint16_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_ACQUIRE);

    while (__builtin_expect(__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket, 0)) {
        __asm__ volatile("pause");
        smp_serve();
    }
}

static inline bool spin_trylock(spinlock_t *l)
{
    uint16_t owner = l->owner;
    uint16_t expected = owner;

    return __atomic_compare_exchange_n(&l->next, &expected, (uint16_t)(owner + 1), false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void spin_unlock(spinlock_t *l)
{
    __atomic_store_n(&l->owner, (uint16_t)(l->owner + 1), __ATOMIC_RELEASE);
}

// Takes two locks of one class in address order; a and b may be the same lock.
static inline void spin_lock_pair(spinlock_t *a, spinlock_t *b)
{
    if (a > b) {
        spinlock_t *t = a;
        a = b;
        b = t;
    }
    spin_lock(a);
    if (b != a)
        spin_lock(b);
}

static inline void spin_unlock_pair(spinlock_t *a, spinlock_t *b)
{
    spin_unlock(a);
    if (b != a)
        spin_unlock(b);
}

// Bit operations and small arithmetic. The atomic ones are full barriers, as x86's LOCK prefix is.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#define ARRAY_SIZE(a)      (sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(a, b) (((a) + (b)-1) / (b))
#define ROUND_UP(a, b)     (((a) + (b)-1) & ~((__typeof__(a))(b)-1))
#define ROUND_DOWN(a, b)   ((a) & ~((__typeof__(a))(b)-1))
#define MIN(a, b)          ((a) < (b) ? (a) : (b))
#define MAX(a, b)          ((a) > (b) ? (a) : (b))
#define likely(c)          __builtin_expect(!!(c), 1)
#define unlikely(c)        __builtin_expect(!!(c), 0)

#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#define barrier() __asm__ volatile("" : : : "memory")

// Bitmaps are arrays of uint64_t. Guest-shared ones (event channels) are touched atomically.
static inline bool bit_test(const volatile uint64_t *map, unsigned bit)
{
    return map[bit / 64] >> (bit % 64) & 1;
}

static inline bool bit_test_and_set(volatile uint64_t *map, unsigned bit)
{
    uint64_t mask = 1ull << (bit % 64);

    return __atomic_fetch_or(&map[bit / 64], mask, __ATOMIC_SEQ_CST) & mask;
}

static inline bool bit_test_and_clear(volatile uint64_t *map, unsigned bit)
{
    uint64_t mask = 1ull << (bit % 64);

    return __atomic_fetch_and(&map[bit / 64], ~mask, __ATOMIC_SEQ_CST) & mask;
}

static inline void bit_set(volatile uint64_t *map, unsigned bit)
{
    __atomic_fetch_or(&map[bit / 64], 1ull << (bit % 64), __ATOMIC_SEQ_CST);
}

static inline void bit_clear(volatile uint64_t *map, unsigned bit)
{
    __atomic_fetch_and(&map[bit / 64], ~(1ull << (bit % 64)), __ATOMIC_SEQ_CST);
}

// Index of the lowest/highest set bit; x must not be 0.
static inline unsigned bit_first(uint64_t x)
{
    return (unsigned)__builtin_ctzll(x);
}

static inline unsigned bit_last(uint64_t x)
{
    return 63 - (unsigned)__builtin_clzll(x);
}

// index if it is below size, else 0, without a branch that could be speculated past.
static inline size_t index_nospec(size_t index, size_t size)
{
    size_t mask;

    __asm__ volatile("cmp %2, %1; sbb %0, %0" : "=r"(mask) : "r"(index), "r"(size) : "cc");
    return index & mask;
}

// a * b / c, which must fit in 64 bits; the product need not.
static inline uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t lo, hi;

    __asm__("mulq %2" : "=a"(lo), "=d"(hi) : "r"(b), "0"(a) : "cc");
    __asm__("divq %2" : "+a"(lo), "+d"(hi) : "r"(c) : "cc");
    return lo;
}

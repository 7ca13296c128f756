// Device registers in memory.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Maps [maddr, maddr + bytes), which need not be aligned, uncached; NULL if there is no room.
// Provided by mm/mmio.c, since this room is below that one. mmio_unmap takes what mmio_map
// returned.
void *mmio_map(uint64_t maddr, size_t bytes);
void mmio_unmap(void *va);

static inline uint32_t mmio_read32(const volatile void *addr)
{
    uint32_t v;

    __asm__ volatile("movl %1, %0" : "=r"(v) : "m"(*(const volatile uint32_t *)addr) : "memory");
    return v;
}

static inline void mmio_write32(volatile void *addr, uint32_t v)
{
    __asm__ volatile("movl %1, %0" : "=m"(*(volatile uint32_t *)addr) : "r"(v) : "memory");
}

static inline uint16_t mmio_read16(const volatile void *addr)
{
    uint16_t v;

    __asm__ volatile("movw %1, %0" : "=r"(v) : "m"(*(const volatile uint16_t *)addr) : "memory");
    return v;
}

static inline uint8_t mmio_read8(const volatile void *addr)
{
    uint8_t v;

    __asm__ volatile("movb %1, %0" : "=q"(v) : "m"(*(const volatile uint8_t *)addr) : "memory");
    return v;
}

static inline void mmio_write16(volatile void *addr, uint16_t v)
{
    __asm__ volatile("movw %1, %0" : "=m"(*(volatile uint16_t *)addr) : "r"(v) : "memory");
}

static inline void mmio_write8(volatile void *addr, uint8_t v)
{
    __asm__ volatile("movb %1, %0" : "=m"(*(volatile uint8_t *)addr) : "q"(v) : "memory");
}

// TLB flushing.
#pragma once

#include "cpu/percpu.h"

// Flush on this CPU: everything but global entries; everything; one address.
void tlb_flush_local(void);
void tlb_flush_local_global(void);
void tlb_flush_local_one(uint64_t va);

// The same on every CPU of mask, this one included if it is in it; returns when done.
void tlb_flush_mask(cpumask_t mask);
void tlb_flush_mask_one(cpumask_t mask, uint64_t va);

// A lazy protocol for frames that change hands: tlb_clock_now() is stored in a frame when its last
// reference as a page of some type goes; before it is used in another way, tlb_flush_since(mask,
// stamp) flushes those CPUs of mask that have not flushed everything since.
uint32_t tlb_clock_now(void);
void tlb_flush_since(cpumask_t mask, uint32_t stamp);

// The platform's devices on the fake machine, as a guest's code reaches them.
#pragma once

#include "hvm/irq.h"
#include "hvm/platform/platform.h"
#include "tests/unit/hvm_kit.h"

#define LEVEL  (1u << 15) // of the I/O APIC's entries
#define MASKED (1u << 16)
#define VCPUS  3

extern struct hvm_domain *d;
extern struct hvm_vcpu *v[VCPUS];
extern struct hvm_platform *p;
extern struct vcpu_info info; // vCPU 0's
extern unsigned shutdowns, published;

// A domain with all devices, ten seconds after the machine's start; its local APICs are on, with
// logical number 1 << id.
void start(void);
void finish(void);

// Accesses of vCPU 0.
uint64_t access_at(bool port, uint64_t address, uint8_t bytes, bool write, uint64_t data);
void out(unsigned port, unsigned value);
unsigned in(unsigned port);
uint32_t io_read(unsigned reg);
void io_write(unsigned reg, uint32_t value);
void route(unsigned input, uint32_t lower, uint32_t destination);

// Which vCPUs have this as their next interrupt; they take and end it.
unsigned taken(uint8_t vector);
// As firmware: PIC at 0x20 and 0x28, everything masked but some lines; vCPU 0 listens to it.
void set_up_pic(uint16_t open);
// Lets the platform's timer fire as often as it wants to until then.
void pass_until(nsec_t then);

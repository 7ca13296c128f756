// The machine's console: the hypervisor's log, domain 0's text, and input for either.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct domain;

// Opens the devices that console= names ("com1,vga" by default). Early: before memory and
// interrupts.
void console_init(void);
// Takes input from now on; once timers work.
void console_enable_input(void);

// Prints a guest's text as it comes, in pieces of any size.
void console_write(struct domain *d, const char *text, size_t len);
// Takes up to len bytes of waiting input for domain 0; returns how many.
size_t console_read(char *buffer, size_t len);

// The log ring, for sysctl's readconsole: copies from *index on, at most len bytes, and moves
// *index.
size_t console_ring_read(uint32_t *index, char *buffer, size_t len);
void console_ring_clear(void);

// Everything printed reaches the devices at once and without locks, from now on: the end is near.
void console_force(void);

// Executes a debug key (core/debug_keys.c).
void debug_key(char key);

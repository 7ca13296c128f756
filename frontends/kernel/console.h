// The guest's console: a ring to the console daemon, or for domain 0 the machine's.
//
// Before console_init(), and in a panic, output goes to the ring without waiting for long. A daemon
// that does not read is waited for two seconds; then output is lost, counted, and not waited for
// again until it has read something.
#pragma once

#include <stddef.h>
#include <stdint.h>

void console_early_init(void);
void console_init(void);

// "\n" becomes "\r\n": whoever sits at the other end has a raw terminal.
void console_write(const char *text, size_t size);
uint64_t console_lost(void); // bytes
// Waits until everything has been read, at most a second.
void console_flush(void);

// A line of input, without its end, echoed, cut at SIZE - 1 bytes. Waits for it.
void console_read_line(char *line, size_t size);

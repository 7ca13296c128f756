// The guest's console, whatever domain it runs as.
#pragma once

#include <stddef.h>

struct xencons_interface;

// Before anything is printed: the ring and its event channel; NULL for the hypervisor's console.
void console_init(volatile struct xencons_interface *page, unsigned event_port);
void console_write(const char *text, size_t size);
// Waits until whoever reads has read everything.
void console_flush(void);

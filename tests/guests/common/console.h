// The guest's console, whatever domain it runs as.
#pragma once

#include <stddef.h>

struct start_info;

// Before anything is printed.
void console_init(const struct start_info *info);
void console_write(const char *text, size_t size);
// Waits until whoever reads has read everything.
void console_flush(void);

// The machine's console, as the domain that owns it uses it (HYPERVISOR_console_io).
#pragma once

#include <stddef.h>

struct domain;

// Prints a guest's text as it comes, in pieces of any size.
void console_write(struct domain *d, const char *text, size_t len);
// Takes up to len bytes of waiting input; returns how many.
size_t console_read(char *buffer, size_t len);

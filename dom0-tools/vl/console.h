// A guest's console on this terminal.
#pragma once

#include "vl/vl.h"

// Opens console `number` of a domain; with `wait`, waits until the console daemon offers it. The
// descriptor, or -1 (said).
int vl_open_console(domid_t domain, unsigned number, bool wait);

// This terminal on an open console, until Ctrl-] is typed or the domain ends. Closes the
// descriptor.
void vl_attach_console(domid_t domain, int tty);

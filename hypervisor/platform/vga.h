// The VGA's 80x25 text mode as a console.
#pragma once

#include "platform/console.h"

// The console device, its screen cleared from the present cursor line on; NULL if the machine is
// not in a text mode. text_memory: where frame 0xb8000 is mapped.
struct console_device *vga_open(volatile void *text_memory);

// Where the cursor is, for domain 0's own console (start_info.console.dom0).
void vga_cursor(unsigned *column, unsigned *row);

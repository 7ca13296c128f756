// 16550 serial ports as consoles.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "platform/console.h"

#define NR_SERIAL_PORTS 2

// Sets port 0 (com1) or 1 (com2) from the text of the com1= and com2= options,
//     BAUD[/CLOCK][,DPS[,IO-BASE[,IRQ]]]
// where BAUD may be "auto" (as the firmware left it) and DPS is data bits, parity (n o e m s) and
// stop bits, as in 8n1. Fields may be empty. To be called before serial_open. -EINVAL: not of that
// form.
int serial_configure(unsigned port, const char *options);

// Initialises the port and returns its console device, or NULL if there is no such chip.
struct console_device *serial_open(unsigned port);

// Takes input by interrupt from now on, where the port's line can be had. Once the IO-APICs are set
// up.
void serial_enable_interrupts(void);

// Is the port open, and which 8 I/O ports and ISA interrupt are its? For what domain 0 must not
// touch.
bool serial_in_use(unsigned port, uint16_t *io_base, unsigned *irq);

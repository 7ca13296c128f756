// Devices that the hypervisor's console can be on. Who writes what, the ring and the log levels are
// core/console.c's business; here are only the ways in and out.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct console_device {
    const char *name;
    // Writes text, in which '\n' alone ends a line. Must not wait for ever.
    void (*write)(struct console_device *dev, const char *text, size_t len);
    // The next character received, or -1; NULL where there is no input.
    int (*getc)(struct console_device *dev);
    bool interrupts; // input announces itself; without, somebody must poll
    struct console_device *next;
};

// Adds a device to those in use, for good.
void console_add(struct console_device *dev);

// Writes to all devices in use. The caller serialises.
void console_write_devices(const char *text, size_t len);

// Names the function that takes each character received.
void console_set_input(void (*fn)(char c));

// Hands on whatever has been received. For interrupt handlers, and for a timer while
// console_needs_polling().
void console_poll(void);
bool console_needs_polling(void);

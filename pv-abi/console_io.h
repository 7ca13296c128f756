/*
 * The emergency console: HYPERVISOR_console_io(operation, bytes, buffer).
 *
 * Writing returns 0; reading returns the number of bytes that were waiting, at most `bytes`.
 */
#pragma once

enum {
    CONSOLEIO_write = 0,
    CONSOLEIO_read = 1,
};

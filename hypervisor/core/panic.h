#pragma once

// After the last words: reboots, or halts if the command line says so.
__attribute__((noreturn)) void panic_end(void);

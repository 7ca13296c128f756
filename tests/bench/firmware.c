// A Multiboot 1 kernel that says when it got its first instruction: what the firmware and the boot
// loader take before any hypervisor begins. 32-bit, no stack of its own beyond the page below.
#include <stdint.h>

void firmware_main(void);

__attribute__((section(".multiboot"), used)) static const uint32_t header[] = {0x1badb002, 0,
                                                                               -0x1badb002u};

__asm__(".globl start\n"
        "start: mov $stack_end, %esp\n"
        "call firmware_main\n"
        ".bss\n"
        ".skip 4096\n"
        "stack_end:\n"
        ".text\n");

static void put(char c)
{
    uint8_t ready;

    do
        __asm__ volatile("inb %1, %0" : "=a"(ready) : "Nd"((uint16_t)0x3fd));
    while (!(ready & 0x20));
    __asm__ volatile("outb %0, %1" : : "a"(c), "Nd"((uint16_t)0x3f8));
}

void firmware_main(void)
{
    uint64_t now = __builtin_ia32_rdtsc();

    for (const char *text = "BENCH firmware_tsc 0x"; *text; text++)
        put(*text);
    for (int shift = 60; shift >= 0; shift -= 4)
        put("0123456789abcdef"[now >> shift & 15]);
    for (const char *text = "\nBENCH-DONE\n"; *text; text++)
        put(*text);
    for (;;)
        __asm__ volatile("hlt");
}

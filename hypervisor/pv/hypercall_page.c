#include "cpu/layout.h"
#include "lib/string.h"
#include "pv-abi/hypercalls.h"
#include "pv/cpu.h"

#define STUB_SIZE 32

// push %rcx; push %r11; mov $n, %eax; syscall; pop %r11; pop %rcx; ret
static const uint8_t stub[] = {0x51, 0x41, 0x53, 0xb8, 0,    0,    0,
                               0,    0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3};
// iret does not come back, and restores RAX too: push %rcx; push %r11; push %rax; mov $n, %eax;
// syscall
static const uint8_t iret_stub[] = {0x51, 0x41, 0x53, 0x50, 0xb8, 0, 0, 0, 0, 0x0f, 0x05};

void pv_hypercall_page_fill(void *page)
{
    uint8_t *p = page;

    memset(page, 0xcc, PAGE_SIZE);
    for (uint32_t n = 0; n < PAGE_SIZE / STUB_SIZE; n++, p += STUB_SIZE) {
        if (n == __HYPERVISOR_iret) {
            memcpy(p, iret_stub, sizeof(iret_stub));
            memcpy(p + 5, &n, sizeof(n));
        } else {
            memcpy(p, stub, sizeof(stub));
            memcpy(p + 4, &n, sizeof(n));
        }
    }
}

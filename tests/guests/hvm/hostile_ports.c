// Every port, in and out, by 1, 2 and 4 bytes; and strings.
#include "tests/guests/hvm/hvm.h"

// What powers the machine off or is a line of somebody's log: not written.
static bool is_spared(unsigned port)
{
    return port == 0xe9 || port == 0x604 || port == 0xb004 || port == 0x402;
}

static void touch(uint16_t port)
{
    uint8_t a;
    uint16_t b;
    uint32_t c;

    __asm__ volatile("inb %1, %0" : "=a"(a) : "d"(port));
    __asm__ volatile("inw %1, %0" : "=a"(b) : "d"(port));
    __asm__ volatile("inl %1, %0" : "=a"(c) : "d"(port));
    if (is_spared(port))
        return;
    __asm__ volatile("outb %0, %1" : : "a"(a), "d"(port));
    __asm__ volatile("outw %0, %1" : : "a"(b), "d"(port));
    __asm__ volatile("outl %0, %1" : : "a"(c), "d"(port));
}

// Where there are devices on a PC every one, above that some.
TEST(hostile_ports)
{
    unsigned step = option_given("ports=all") ? 1 : 7;

    for (unsigned port = 0; port < 0x10000; port += port < 0xd00 ? 1 : step)
        touch((uint16_t)port);
    for (unsigned port = 0xfff0; port < 0x10000; port++)
        touch((uint16_t)port);
    CHECK(time_now() > 0);
}

TEST(hostile_ports_upper_half)
{
    uint64_t rax = 0x1122334455667788;

    __asm__ volatile("inb %%dx, %%al" : "+a"(rax) : "d"(0x3333));
    CHECK_EQ(rax, 0x11223344556677ff);
    __asm__ volatile("inw %%dx, %%ax" : "+a"(rax) : "d"(0x3333));
    CHECK_EQ(rax, 0x112233445566ffff);
    __asm__ volatile("inl %%dx, %%eax" : "+a"(rax) : "d"(0x3333));
    CHECK_EQ(rax, 0xffffffff);
}

TEST(hostile_ports_strings)
{
    uint8_t *page = pages_alloc(2);
    void *to = page;
    uint64_t count = 5000;

    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(0x3333) : "memory");
    CHECK_EQ(count, 0);
    CHECK_EQ((uint8_t *)to - page, 5000);
    CHECK(page[0] == 0xff && page[4999] == 0xff && page[5000] == 0);
    to = page + 8;
    count = 2;
    __asm__ volatile("std; rep outsl; cld" : "+S"(to), "+c"(count) : "d"(0x3333) : "memory");
    CHECK_EQ((uint8_t *)to - page, 0);
    count = 0;
    __asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(0x3333) : "memory");
    CHECK_EQ((uint8_t *)to - page, 0);
}

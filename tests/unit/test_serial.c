// Serial ports: the options' text, and a 16550 to talk to. The driver is included, so that its port
// accesses can be led to the test's own chip.
//
// sources: hypervisor/lib/cmdline.c hypervisor/lib/cmdline_xen.c
#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

#include "cpu/asm.h"

static uint8_t chip_in(uint16_t port);
static void chip_out(uint16_t port, uint8_t v);

#define inb  chip_in
#define outb chip_out
#include "hypervisor/platform/serial.c"
#include "tests/suite.h"
#undef inb
#undef outb

// The linker makes the list of options, which lib/cmdline.c wants to see, of at least one.
static bool option;
CMDLINE_BOOL("option", option, "");

// The chip
// -----------------------------------------------------------------------------------------

static uint16_t chip_base;
static uint8_t registers[8], divisor[2], received[16];
static unsigned nr_received, busy;
static char sent[256];
static size_t nr_sent;

static uint8_t chip_in(uint16_t port)
{
    unsigned reg = (unsigned)port - chip_base;

    if (reg > 7)
        return 0xff;
    if (reg == REG_DATA && nr_received) {
        uint8_t c = received[0];

        memmove(received, received + 1, --nr_received);
        return c;
    }
    if (reg == REG_LINE_STATUS) {
        bool sending = busy && busy--;

        return (uint8_t)((sending ? 0 : STATUS_SEND_EMPTY) | (nr_received ? STATUS_RECEIVED : 0));
    }
    return registers[reg];
}

static void chip_out(uint16_t port, uint8_t v)
{
    unsigned reg = (unsigned)port - chip_base;

    if (reg > 7)
        return;
    if (registers[REG_LINE] & LINE_DIVISOR && reg < 2)
        divisor[reg] = v;
    else if (reg == REG_DATA && nr_sent < sizeof(sent))
        sent[nr_sent++] = (char)v;
    else
        registers[reg] = v;
}

// What the driver needs of others
// ------------------------------------------------------------------

static irq_handler_t *handler;
static void *handler_data;
static struct irq line;
static unsigned polls;

struct irq *gsi_irq(unsigned gsi)
{
    return gsi == 5 ? &line : NULL;
}

int irq_bind(struct irq *irq, irq_handler_t *fn, void *data)
{
    handler = fn;
    handler_data = data;
    return 0;
}

void console_poll(void)
{
    polls++;
}

static void test_options(void)
{
    static const char *const good[] = {"",           "9600",           "auto",
                                       "115200,8n1", "115200/1843200", "38400,7e2,0x3e8,5",
                                       ",,0x2e8",    "auto,8n1,,3"};
    static const char *const bad[] = {
        "x",        "0",          "9600,8x1",          "9600,9n1",
        "9600,8n3", "9600,8n1,0", "9600,8n1,0x3f8,16", "9600,8n1,0x3f8,4,5",
        "9600 8n1", "9600/0",     "99999999999"};

    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        CU_ASSERT_EQUAL(serial_configure(1, good[i]), 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CU_ASSERT_EQUAL(serial_configure(1, bad[i]), -EINVAL);
    CU_ASSERT_EQUAL(serial_configure(2, "9600"), -EINVAL);
}

static void test_port(void)
{
    struct console_device *dev;
    uint16_t base;
    unsigned irq;

    chip_base = 0x3e8;
    CU_ASSERT_PTR_NULL(serial_open(0)); // nothing at 0x3f8
    CU_ASSERT_FALSE(serial_in_use(0, &base, &irq));
    CU_ASSERT_EQUAL(serial_configure(0, "38400,7e2,0x3e8,5"), 0);
    dev = serial_open(0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dev);
    CU_ASSERT_STRING_EQUAL(dev->name, "com1");
    CU_ASSERT_EQUAL(divisor[0] | divisor[1] << 8, 3);
    CU_ASSERT_EQUAL(registers[REG_LINE], 0x02 | 0x04 | 0x18);
    CU_ASSERT_TRUE(serial_in_use(0, &base, &irq) && base == 0x3e8 && irq == 5);

    busy = 3;
    dev->write(dev, "one\ntwo", 7);
    CU_ASSERT_EQUAL(nr_sent, 8);
    CU_ASSERT_NSTRING_EQUAL(sent, "one\r\ntwo", 8);
    busy = ~0u; // a transmitter that never gets ready is given up
    dev->write(dev, "three", 5);
    CU_ASSERT_EQUAL(nr_sent, 8);
    busy = 0;

    CU_ASSERT_EQUAL(dev->getc(dev), -1);
    memcpy(received, "ab", 2);
    nr_received = 2;
    CU_ASSERT_EQUAL(dev->getc(dev), 'a');
    CU_ASSERT_EQUAL(dev->getc(dev), 'b');

    CU_ASSERT_FALSE(dev->interrupts);
    serial_enable_interrupts();
    CU_ASSERT_TRUE(dev->interrupts);
    CU_ASSERT_EQUAL(registers[REG_INTERRUPTS], INTERRUPT_RECEIVED);
    polls = 0;
    CU_ASSERT_TRUE(handler(&line, handler_data));
    CU_ASSERT_EQUAL(polls, 1);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"options", test_options},
        {"port", test_port},
        CU_TEST_INFO_NULL,
    };

    return run_suite("serial", tests);
}

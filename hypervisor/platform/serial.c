// 16550 serial ports (PC16550D data sheet). Output is polled: the hypervisor's messages must get
// out also when nothing else works. Input comes by interrupt.
#include "platform/serial.h"

#include "cpu/asm.h"
#include "cpu/ioapic.h"
#include "lib/bits.h"
#include "lib/cmdline.h"
#include "lib/errno.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/string.h"

enum {
    REG_DATA = 0,
    REG_INTERRUPTS = 1,
    REG_DIVISOR_LOW = 0, // while LINE_DIVISOR is set
    REG_DIVISOR_HIGH = 1,
    REG_CAUSE = 2,
    REG_FIFO = 2,
    REG_LINE = 3,
    REG_MODEM = 4,
    REG_LINE_STATUS = 5,
    REG_SCRATCH = 7,
};

#define INTERRUPT_RECEIVED    0x01
#define FIFO_ENABLE_AND_CLEAR 0x87 // receive threshold 8 bytes
#define LINE_DIVISOR          0x80
#define MODEM_READY           0x0b // DTR, RTS, and OUT2, which opens the interrupt line
#define STATUS_RECEIVED       0x01
#define STATUS_SEND_EMPTY     0x20

#define FIFO_BYTES     16
#define DEFAULT_CLOCK  1843200
#define DEFAULT_FORMAT 0x03 // 8n1
// Reads of the status before a transmitter is taken for dead: much longer than 16 bytes at 1200
// baud.
#define SEND_PATIENCE 1000000

struct serial {
    struct console_device console;
    uint16_t base;
    unsigned irq;
    uint32_t baud; // 0: as it is
    uint32_t clock;
    uint8_t format;
    bool open;
};

static struct serial ports[NR_SERIAL_PORTS] = {
    {.base = 0x3f8, .irq = 4, .clock = DEFAULT_CLOCK, .format = DEFAULT_FORMAT},
    {.base = 0x2f8, .irq = 3, .clock = DEFAULT_CLOCK, .format = DEFAULT_FORMAT},
};

static uint8_t reg_read(const struct serial *s, unsigned reg)
{
    return inb((uint16_t)(s->base + reg));
}

static void reg_write(const struct serial *s, unsigned reg, uint8_t v)
{
    outb((uint16_t)(s->base + reg), v);
}

// Room in the transmit FIFO, in bytes; waits for it. 0: the transmitter is dead.
static unsigned wait_for_room(const struct serial *s)
{
    for (unsigned i = 0; i < SEND_PATIENCE; i++)
        if (reg_read(s, REG_LINE_STATUS) & STATUS_SEND_EMPTY)
            return FIFO_BYTES;
    return 0;
}

static bool send(const struct serial *s, char c, unsigned *room)
{
    if (!*room)
        *room = wait_for_room(s);
    if (!*room)
        return false;
    reg_write(s, REG_DATA, (uint8_t)c);
    --*room;
    return true;
}

static void serial_write(struct console_device *dev, const char *text, size_t len)
{
    const struct serial *s = container_of(dev, struct serial, console);
    unsigned room = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' && !send(s, '\r', &room))
            return;
        if (!send(s, text[i], &room))
            return;
    }
}

static int serial_getc(struct console_device *dev)
{
    const struct serial *s = container_of(dev, struct serial, console);

    return reg_read(s, REG_LINE_STATUS) & STATUS_RECEIVED ? reg_read(s, REG_DATA) : -1;
}

// Reads a number at *text and moves behind it. false: there is none.
static bool take_number(const char **text, uint32_t *value)
{
    const char *end;
    uint64_t v = cmdline_parse_number(*text, &end);

    if (end == *text || v > UINT32_MAX)
        return false;
    *text = end;
    *value = (uint32_t)v;
    return true;
}

static bool take_speed(const char **text, struct serial *s)
{
    if (!strncmp(*text, "auto", 4)) {
        s->baud = 0;
        *text += 4;
        return true;
    }
    if (!take_number(text, &s->baud) || !s->baud)
        return false;
    if (**text != '/')
        return true;
    ++*text;
    return take_number(text, &s->clock) && s->clock;
}

// Data bits, parity, stop bits to the line control register's bits.
static bool take_format(const char **text, struct serial *s)
{
    static const struct {
        char letter;
        uint8_t bits;
    } parities[] = {{'n', 0x00}, {'o', 0x08}, {'e', 0x18}, {'m', 0x28}, {'s', 0x38}};
    const char *p = *text;

    if (p[0] < '5' || p[0] > '8' || !p[1] || p[2] < '1' || p[2] > '2')
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(parities); i++) {
        if ((p[1] | 0x20) != parities[i].letter)
            continue;
        s->format = (uint8_t)((p[0] - '5') | (p[2] == '2' ? 0x04 : 0) | parities[i].bits);
        *text += 3;
        return true;
    }
    return false;
}

static bool take_field(unsigned field, const char **text, struct serial *s)
{
    uint32_t v;

    switch (field) {
    case 0:
        return take_speed(text, s);
    case 1:
        return take_format(text, s);
    case 2:
        if (!take_number(text, &v) || !v || v > 0xfff8)
            return false;
        s->base = (uint16_t)v;
        return true;
    case 3:
        if (!take_number(text, &v) || v > 15)
            return false;
        s->irq = v;
        return true;
    default:
        return false;
    }
}

int serial_configure(unsigned port, const char *options)
{
    struct serial s;

    if (port >= NR_SERIAL_PORTS)
        return -EINVAL;
    s = ports[port];
    for (unsigned field = 0;; field++) {
        if (*options && *options != ',' && !take_field(field, &options, &s))
            return -EINVAL;
        if (!*options)
            break;
        if (*options++ != ',')
            return -EINVAL;
    }
    ports[port] = s;
    return 0;
}

static bool is_there(const struct serial *s)
{
    // A scratch register that remembers, or at least something that is not an open bus.
    reg_write(s, REG_SCRATCH, 0x5a);
    return reg_read(s, REG_SCRATCH) == 0x5a || reg_read(s, REG_LINE_STATUS) != 0xff;
}

static void set_line(const struct serial *s)
{
    unsigned divisor;

    if (s->baud) {
        divisor = (s->clock + s->baud * 8) / (s->baud * 16);
        reg_write(s, REG_LINE, LINE_DIVISOR);
        reg_write(s, REG_DIVISOR_LOW, (uint8_t)divisor);
        reg_write(s, REG_DIVISOR_HIGH, (uint8_t)(divisor >> 8));
        reg_write(s, REG_LINE, s->format);
    } else {
        reg_write(s, REG_LINE, reg_read(s, REG_LINE) & ~LINE_DIVISOR);
    }
}

struct console_device *serial_open(unsigned port)
{
    struct serial *s = port < NR_SERIAL_PORTS ? &ports[port] : NULL;

    if (!s || !is_there(s))
        return NULL;
    reg_write(s, REG_INTERRUPTS, 0);
    set_line(s);
    reg_write(s, REG_FIFO, FIFO_ENABLE_AND_CLEAR);
    reg_write(s, REG_MODEM, MODEM_READY);
    s->console.name = port ? "com2" : "com1";
    s->console.write = serial_write;
    s->console.getc = serial_getc;
    s->open = true;
    return &s->console;
}

static bool serial_interrupt(struct irq *irq, void *data)
{
    const struct serial *s = data;

    console_poll();
    reg_read(s, REG_CAUSE); // without its being read some chips do not raise the line again
    return true;
}

void serial_enable_interrupts(void)
{
    for (unsigned i = 0; i < NR_SERIAL_PORTS; i++) {
        struct serial *s = &ports[i];
        struct irq *irq = s->open && s->irq ? gsi_irq(s->irq) : NULL;

        if (!irq || irq_bind(irq, serial_interrupt, s) != 0)
            continue;
        s->console.interrupts = true;
        reg_write(s, REG_INTERRUPTS, INTERRUPT_RECEIVED);
        console_poll(); // what came before would not raise an edge
    }
}

bool serial_in_use(unsigned port, uint16_t *io_base, unsigned *irq)
{
    if (port >= NR_SERIAL_PORTS || !ports[port].open)
        return false;
    *io_base = ports[port].base;
    *irq = ports[port].irq;
    return true;
}

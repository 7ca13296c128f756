// VGA text mode 3: 80 columns, 25 lines, character and attribute in two bytes.
#include "platform/vga.h"

#include <stdint.h>

#include "cpu/asm.h"

#define COLUMNS 80
#define ROWS    25
#define BLANK   0x0720 // a space, light grey on black
#define TAB     8

#define CRTC_INDEX         0x3d4
#define CRTC_DATA          0x3d5
#define CRTC_CURSOR_HIGH   0x0e
#define CRTC_CURSOR_LOW    0x0f
#define GRAPHICS_INDEX     0x3ce
#define GRAPHICS_DATA      0x3cf
#define GRAPHICS_MISC      0x06
#define MISC_GRAPHICS_MODE 0x01

static volatile uint16_t *screen;
static unsigned column, row;

static uint8_t crtc_read(uint8_t reg)
{
    outb(CRTC_INDEX, reg);
    return inb(CRTC_DATA);
}

static void crtc_write(uint8_t reg, uint8_t v)
{
    outb(CRTC_INDEX, reg);
    outb(CRTC_DATA, v);
}

static void set_cursor(void)
{
    unsigned at = row * COLUMNS + column;

    crtc_write(CRTC_CURSOR_HIGH, (uint8_t)(at >> 8));
    crtc_write(CRTC_CURSOR_LOW, (uint8_t)at);
}

static void scroll(void)
{
    for (unsigned i = 0; i < (ROWS - 1) * COLUMNS; i++)
        screen[i] = screen[i + COLUMNS];
    for (unsigned i = (ROWS - 1) * COLUMNS; i < ROWS * COLUMNS; i++)
        screen[i] = BLANK;
}

static void new_line(void)
{
    column = 0;
    if (++row == ROWS) {
        scroll();
        row--;
    }
}

static void put(char c)
{
    switch (c) {
    case '\n':
        new_line();
        break;
    case '\r':
        column = 0;
        break;
    case '\b':
        column -= column > 0;
        break;
    case '\t':
        column = (column + TAB) & ~(TAB - 1u);
        break;
    default:
        screen[row * COLUMNS + column++] = (uint16_t)((BLANK & 0xff00) | (uint8_t)c);
    }
    if (column >= COLUMNS)
        new_line();
}

static void vga_write(struct console_device *dev, const char *text, size_t len)
{
    while (len--)
        put(*text++);
    set_cursor();
}

static struct console_device vga = {.name = "vga", .write = vga_write};

static bool in_text_mode(void)
{
    // Without a VGA the ports read as ones.
    outb(GRAPHICS_INDEX, GRAPHICS_MISC);
    return !(inb(GRAPHICS_DATA) & MISC_GRAPHICS_MODE);
}

struct console_device *vga_open(volatile void *text_memory)
{
    unsigned at;

    if (!in_text_mode())
        return NULL;
    screen = text_memory;
    at = (unsigned)crtc_read(CRTC_CURSOR_HIGH) << 8 | crtc_read(CRTC_CURSOR_LOW);
    row = at / COLUMNS;
    column = 0;
    if (row >= ROWS)
        row = ROWS - 1;
    for (unsigned i = row * COLUMNS; i < ROWS * COLUMNS; i++)
        screen[i] = BLANK;
    return &vga;
}

void vga_cursor(unsigned *at_column, unsigned *at_row)
{
    *at_column = column;
    *at_row = row;
}

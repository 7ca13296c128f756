#include "platform/console.h"

static struct console_device *devices;
static void (*input)(char c);

void console_add(struct console_device *dev)
{
    struct console_device **at = &devices;

    for (; *at; at = &(*at)->next)
        if (*at == dev)
            return;
    dev->next = NULL;
    *at = dev;
}

void console_write_devices(const char *text, size_t len)
{
    for (struct console_device *dev = devices; dev; dev = dev->next)
        dev->write(dev, text, len);
}

void console_set_input(void (*fn)(char c))
{
    input = fn;
}

void console_poll(void)
{
    for (struct console_device *dev = devices; dev; dev = dev->next) {
        int c;

        while (dev->getc && (c = dev->getc(dev)) >= 0)
            if (input)
                input((char)c);
    }
}

bool console_needs_polling(void)
{
    for (struct console_device *dev = devices; dev; dev = dev->next)
        if (dev->getc && !dev->interrupts)
            return true;
    return false;
}

// Interrupt lines. A line is up while anybody holds it up: the device model, a device here, a PCI
// pin by way of its link, the event channels. What the controllers see is worked out anew from
// those at each change.
#include "hvm/irq.h"

#include "core/event.h"
#include "core/sched.h"
#include "hvm/lapic_impl.h"
#include "hvm/platform/platform.h"
#include "lib/errno.h"
#include "pv-abi/hvm/params.h"

#define ISA_LINES 16
#define LINK_PINS 4
#define NR_PINS   128 // four of each PCI device
#define PCI_INPUT 16  // the first that is for PCI pins

static struct hvm_platform *platform_of(const struct domain *d)
{
    return container_of(d, const struct hvm_domain, d)->platform;
}

// The I/O APIC's input that a line is.
static unsigned input_of(unsigned line)
{
    return line ?: 2;
}

static unsigned pin_input(unsigned pin)
{
    unsigned device = pin / 4;

    return PCI_INPUT + ((device * 4 + device / 8 + pin % 4) & 31);
}

static unsigned pin_link(unsigned pin)
{
    return (pin / 4 + pin) & 3;
}

// What is up, with the pins' inputs and the lines that their links lead to.
static uint64_t lines_up(const struct hvm_platform *p)
{
    uint64_t up = p->held_by_model | p->held_by_devices | p->edges;
    uint64_t pins[2] = {p->pci_pins[0], p->pci_pins[1]};

    if (p->callback_up && p->callback_line != NO_LINE)
        up |= 1ull << p->callback_line;
    if (p->callback_up && p->callback_pin != NO_LINE)
        pins[p->callback_pin / 64] |= 1ull << p->callback_pin % 64;
    for (unsigned word = 0; word < 2; word++) {
        for (uint64_t left = pins[word]; left; left &= left - 1) {
            unsigned pin = word * 64 + bit_first(left);

            up |= 1ull << pin_input(pin);
            if (p->route[pin_link(pin)])
                up |= 1ull << p->route[pin_link(pin)];
        }
    }
    return up;
}

static uint64_t inputs_up(uint64_t lines)
{
    return (lines & ~1ull) | (lines & 1) << input_of(0);
}

static bool takes_pic(const struct hvm_platform *p, const struct hvm_vcpu *v)
{
    return lapic_takes_extint(v) ||
           (lapic_is_enabled(&v->lapic) && ioapic_passes_pic(&p->ioapic, lapic_id(v)));
}

void platform_tell_intr(struct hvm_platform *p)
{
    bool was = p->intr;
    struct vcpu *v;

    p->intr = pic_output(&p->pic);
    if (!p->intr || was)
        return;
    for_each_vcpu (p->domain, v) {
        if (takes_pic(p, to_hvm(v)))
            vcpu_kick(v);
        else
            lapic_lint0(to_hvm(v));
    }
}

void platform_propagate(struct hvm_platform *p)
{
    uint64_t up = lines_up(p);

    pic_set_lines(&p->pic, (uint16_t)up);
    platform_tell_intr(p);
    ioapic_set_lines(&p->ioapic, p->domain, inputs_up(up));
}

void platform_pulse(struct hvm_platform *p, unsigned line)
{
    p->edges &= ~(1ull << line);
    platform_propagate(p);
    p->edges |= 1ull << line;
    platform_propagate(p);
    if (line >= ISA_LINES) // which may be others' by level; the PIC wants a line to stay up
        p->edges &= ~(1ull << line);
}

void platform_adopt_lines(struct hvm_platform *p)
{
    uint64_t up = lines_up(p);

    pic_adopt_lines(&p->pic, (uint16_t)up);
    p->ioapic.lines = inputs_up(up);
    p->intr = false;
    platform_propagate(p);
}

enum tick_line platform_line(const struct hvm_platform *p, unsigned line)
{
    bool pic = line < ISA_LINES && !pic_is_masked(&p->pic, line), listened = false;
    bool io = !ioapic_is_masked(&p->ioapic, input_of(line));
    struct vcpu *v;

    for_each_vcpu (p->domain, v)
        listened |= takes_pic(p, to_hvm(v));
    pic &= listened;
    if (!pic && !io)
        return TICK_MASKED;
    return (pic && pic_is_requested(&p->pic, line)) ||
                   (io && ioapic_is_requested(&p->ioapic, p->domain, input_of(line)))
               ? TICK_PENDING
               : TICK_FREE;
}

// For device models
// ------------------------------------------------------------------------

static int set_bit(struct domain *d, uint64_t *(*map)(struct hvm_platform *), unsigned bit, bool up)
{
    struct hvm_platform *p = platform_of(d);
    uint64_t *word;

    if (!p)
        return -ENODEV;
    bit = (unsigned)index_nospec(bit, NR_PINS);
    spin_lock(&p->lock);
    word = map(p) + bit / 64;
    *word = (*word & ~(1ull << bit % 64)) | (uint64_t)up << bit % 64;
    platform_propagate(p);
    spin_unlock(&p->lock);
    return 0;
}

static uint64_t *model_lines(struct hvm_platform *p)
{
    return &p->held_by_model;
}

static uint64_t *pins(struct hvm_platform *p)
{
    return p->pci_pins;
}

int hvm_isa_irq(struct domain *d, unsigned irq, bool level)
{
    return irq < ISA_LINES ? set_bit(d, model_lines, irq, level) : -EINVAL;
}

int hvm_pci_intx(struct domain *d, unsigned device, unsigned pin, bool level)
{
    return device < 32 && pin < 4 ? set_bit(d, pins, device * 4 + pin, level) : -EINVAL;
}

int hvm_pci_link_route(struct domain *d, unsigned link, unsigned irq)
{
    struct hvm_platform *p = platform_of(d);

    if (link >= LINK_PINS || irq >= ISA_LINES)
        return -EINVAL;
    if (!p)
        return -ENODEV;
    spin_lock(&p->lock);
    p->route[index_nospec(link, LINK_PINS)] = (uint8_t)irq;
    platform_propagate(p);
    spin_unlock(&p->lock);
    return 0;
}

// QEMU gives the offset in the APICs' megabyte alone, so what is above it is not looked at.
int hvm_msi(struct domain *d, uint64_t address, uint32_t data)
{
    // The data has the ICR's layout but for the kind of destination, which is in the address.
    data = (data & 0xc7ff) | ((uint32_t)address >> 2 & 1) << 11;
    lapic_send(d, NULL, data, (uint32_t)address >> 12 & 0xff, false);
    return 0;
}

// Event channels
// ------------------------------------------------------------------------

int hvm_callback_line(struct domain *d, uint64_t value)
{
    struct hvm_platform *p = platform_of(d);
    unsigned pin = (unsigned)(value >> 11 & 31) * 4 + (value & 3), line = NO_LINE;
    bool is_pin = value >> 56 == HVM_PARAM_CALLBACK_TYPE_PCI_INTX;

    if (!p)
        return value ? -ENODEV : 0;
    if (is_pin ? (value >> 16 & 0xffffffff) != 0 : value >= IOAPIC_INPUTS)
        return -EINVAL;
    if (!is_pin && value)
        line = (unsigned)value;
    spin_lock(&p->lock);
    p->callback_line = (uint8_t)line;
    p->callback_pin = is_pin ? (uint8_t)pin : NO_LINE;
    platform_propagate(p);
    spin_unlock(&p->lock);
    return 0;
}

void hvm_callback_update(struct domain *d)
{
    struct hvm_platform *p = platform_of(d);

    if (!p || (p->callback_line == NO_LINE && p->callback_pin == NO_LINE) || !d->vcpus[0] ||
        event_pending(d->vcpus[0]) == READ_ONCE(p->callback_up))
        return;
    spin_lock(&p->lock);
    p->callback_up = event_pending(d->vcpus[0]); // with the lock: who sets it last has looked last
    platform_propagate(p);
    spin_unlock(&p->lock);
}

// For processors
// ------------------------------------------------------------------------

bool hvm_pic_pending(const struct hvm_vcpu *v)
{
    const struct hvm_platform *p = platform_of(v->v.domain);

    return p && READ_ONCE(p->intr) && takes_pic(p, v);
}

uint8_t hvm_pic_accept(struct hvm_vcpu *v)
{
    struct hvm_platform *p = platform_of(v->v.domain);
    uint8_t vector;

    spin_lock(&p->lock);
    vector = pic_acknowledge(&p->pic);
    platform_tell_intr(p);
    spin_unlock(&p->lock);
    return vector;
}

void hvm_irq_eoi(struct domain *d, uint8_t vector)
{
    struct hvm_platform *p = platform_of(d);

    if (!p)
        return;
    hvm_callback_update(d);
    spin_lock(&p->lock);
    ioapic_eoi(&p->ioapic, d, vector);
    spin_unlock(&p->lock);
}

#include "hvm/platform/pic.h"

#include "lib/string.h"

#define CASCADE  2 // the line of the first chip
#define ICW1     0x10
#define OCW3     0x08
#define NO_LINE  8
#define ICW1_IC4 0x01
#define ICW1_ONE 0x02

static const uint8_t elcr_mask[2] = {0xf8, 0xde}; // lines that may be triggered by level

// How far from the highest priority the first of some lines is; NO_LINE: there is none.
static unsigned place(const struct hvm_hw_vpic *s, uint8_t lines)
{
    for (unsigned i = 0; i < 8; i++)
        if (lines >> ((s->priority_add + i) & 7) & 1)
            return i;
    return NO_LINE;
}

static unsigned line_at(const struct hvm_hw_vpic *s, unsigned at)
{
    return (s->priority_add + at) & 7;
}

// What is in service and holds back others.
static uint8_t serving(const struct hvm_hw_vpic *s)
{
    return s->special_mask_mode ? s->isr & (uint8_t)~s->imr : s->isr;
}

// The line that the chip asks for, or NO_LINE.
static unsigned requested(const struct hvm_hw_vpic *s)
{
    unsigned at = place(s, s->irr & (uint8_t)~s->imr), limit = place(s, serving(s));

    if (at == NO_LINE)
        return NO_LINE;
    if (at < limit)
        return line_at(s, at);
    // Specially fully nested: the second chip may interrupt its own service.
    return at == limit && s->special_fully_nested_mode && s->is_master && line_at(s, at) == CASCADE
               ? CASCADE
               : NO_LINE;
}

static void cascade(struct pic *p)
{
    struct hvm_hw_vpic *first = &p->chip[0].s;

    first->irr &= (uint8_t) ~(1u << CASCADE);
    if (requested(&p->chip[1].s) != NO_LINE)
        first->irr |= 1u << CASCADE;
}

bool pic_output(const struct pic *p)
{
    return requested(&p->chip[0].s) != NO_LINE;
}

static void end_service(struct hvm_hw_vpic *s, unsigned line, bool rotate)
{
    s->isr &= (uint8_t) ~(1u << line);
    if (rotate)
        s->priority_add = (line + 1) & 7;
}

// A chip's answer to INTA; line 7's where the request is gone.
static unsigned acknowledge(struct pic_chip *c)
{
    struct hvm_hw_vpic *s = &c->s;
    unsigned line = requested(s);

    if (line == NO_LINE)
        return 7;
    s->isr |= (uint8_t)(1u << line);
    if (!(s->elcr >> line & 1))
        s->irr &= (uint8_t) ~(1u << line);
    if (s->auto_eoi)
        end_service(s, line, s->rotate_on_auto_eoi);
    return line;
}

uint8_t pic_acknowledge(struct pic *p)
{
    bool second = requested(&p->chip[0].s) == CASCADE;
    unsigned line = acknowledge(&p->chip[0]);
    uint8_t vector = p->chip[0].s.irq_base | (uint8_t)line;

    if (second)
        vector = p->chip[1].s.irq_base | (uint8_t)acknowledge(&p->chip[1]);
    cascade(p);
    return vector;
}

static void set_chip_lines(struct pic_chip *c, uint8_t levels)
{
    uint8_t risen = levels & (uint8_t)~c->lines;

    // A request by edge lasts as long as the line is up.
    c->s.irr = (c->s.irr & levels) | risen | (levels & c->s.elcr);
    c->lines = levels;
}

void pic_set_lines(struct pic *p, uint16_t levels)
{
    set_chip_lines(&p->chip[0], (uint8_t)levels & (uint8_t) ~(1u << CASCADE));
    set_chip_lines(&p->chip[1], (uint8_t)(levels >> 8));
    cascade(p);
}

bool pic_is_masked(const struct pic *p, unsigned line)
{
    return (p->chip[line / 8].s.imr >> line % 8 & 1) ||
           (line >= 8 && (p->chip[0].s.imr >> CASCADE & 1));
}

bool pic_is_requested(const struct pic *p, unsigned line)
{
    return p->chip[line / 8].s.irr >> line % 8 & 1;
}

// ICW1. Requests by edge must come anew.
static void begin_init(struct pic_chip *c, uint8_t value)
{
    c->s = (struct hvm_hw_vpic){
        .irr = c->lines & c->s.elcr,
        .irq_base = c->s.irq_base,
        .init_state = (uint8_t)(1 | (value & (ICW1_IC4 | ICW1_ONE)) << 2) & 0xf,
        .is_master = c->s.is_master,
        .elcr = c->s.elcr,
    };
}

static void end_of_interrupt(struct hvm_hw_vpic *s, uint8_t value)
{
    unsigned at = place(s, serving(s)), line = value & 7;
    bool rotate = value & 0x80;

    switch (value >> 5) {
    case 0:
    case 4:
        s->rotate_on_auto_eoi = rotate;
        break;
    case 1:
    case 5:
        if (at != NO_LINE)
            end_service(s, line_at(s, at), rotate);
        break;
    case 3:
    case 7:
        end_service(s, line, rotate);
        break;
    case 6:
        s->priority_add = (line + 1) & 7;
        break;
    }
}

static void write_command(struct pic_chip *c, uint8_t value)
{
    struct hvm_hw_vpic *s = &c->s;

    if (value & ICW1) {
        begin_init(c, value);
    } else if (value & OCW3) {
        if (value & 0x40)
            s->special_mask_mode = value >> 5 & 1;
        if (value & 0x02)
            s->readsel_isr = value & 1;
        s->poll = value >> 2 & 1;
    } else {
        end_of_interrupt(s, value);
    }
}

// ICW2 to ICW4 as far as ICW1 has announced them, else the mask.
static void write_data(struct hvm_hw_vpic *s, uint8_t value)
{
    unsigned done = s->init_state & 3;

    switch (done) {
    case 0:
        s->imr = value;
        return;
    case 1:
        s->irq_base = value & 0xf8;
        if (s->init_state & 8) // alone: no ICW3
            done++;
        break;
    case 3:
        s->special_fully_nested_mode = value >> 4 & 1;
        s->auto_eoi = value >> 1 & 1;
        break;
    }
    if (done == 3 || (done == 2 && !(s->init_state & 4)))
        s->init_state = 0;
    else
        s->init_state = ((s->init_state & 0xc) | (done + 1)) & 0xf;
}

void pic_write(struct pic *p, unsigned port, uint8_t value)
{
    struct pic_chip *c = &p->chip[port >> 7 & 1];

    if (port >> 4 == 0x4d) {
        c = &p->chip[port & 1];
        c->s.elcr = value & elcr_mask[port & 1];
        c->s.irr = (c->s.irr & (uint8_t)~c->s.elcr) | (c->lines & c->s.elcr);
    } else if (port & 1) {
        write_data(&c->s, value);
    } else {
        write_command(c, value);
    }
    cascade(p);
}

static uint8_t poll(struct pic *p, struct pic_chip *c)
{
    bool any = requested(&c->s) != NO_LINE;
    unsigned line = acknowledge(c);

    c->s.poll = 0;
    cascade(p);
    return any ? (uint8_t)(0x80 | line) : 0;
}

uint8_t pic_read(struct pic *p, unsigned port)
{
    struct pic_chip *c = &p->chip[port >> 7 & 1];

    if (port >> 4 == 0x4d)
        return p->chip[port & 1].s.elcr;
    if (c->s.poll)
        return poll(p, c);
    if (port & 1)
        return c->s.imr;
    return c->s.readsel_isr ? c->s.isr : c->s.irr;
}

void pic_init(struct pic *p)
{
    memset(p, 0, sizeof(*p));
    p->chip[0].s.is_master = 1;
}

void pic_save(const struct pic *p, unsigned n, struct hvm_hw_vpic *s)
{
    *s = p->chip[n].s;
    s->int_output = requested(s) != NO_LINE;
}

bool pic_load(struct pic *p, unsigned n, const struct hvm_hw_vpic *s, bool commit)
{
    if (s->is_master != !n || s->priority_add > 7 || (s->irq_base & 7) ||
        (s->elcr & (uint8_t)~elcr_mask[n]) || (s->init_state && !(s->init_state & 3)))
        return false;
    if (commit) {
        p->chip[n].s = *s;
        p->chip[n].s.int_output = 0;
    }
    return true;
}

void pic_adopt_lines(struct pic *p, uint16_t levels)
{
    p->chip[0].lines = (uint8_t)levels & (uint8_t) ~(1u << CASCADE);
    p->chip[1].lines = (uint8_t)(levels >> 8);
    pic_set_lines(p, levels);
}

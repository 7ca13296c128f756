// Between core/pirq.c and core/pirq_map.c.
#pragma once

#include "core/pirq.h"
#include "cpu/irq.h"

struct pirq {
    struct irq *irq; // NULL: not mapped
    bool reserved;
};

struct pirq_table {
    spinlock_t lock;
    unsigned nr;
    uint64_t *eoi_map; // shared with the guest; NULL: none
    struct frame *eoi_frame;
    struct pirq entries[];
};

// Says in the shared map, if there is one, whether the pirq needs an answer.
void pirq_note_eoi(struct pirq_table *t, unsigned pirq, bool needed);
// Takes the domain's pirq off the interrupt, if it is bound to it.
void pirq_leave(struct irq *irq, struct domain *d, unsigned pirq);
// Is the interrupt masked until a guest answers?
bool pirq_answer_owed(const struct irq *irq);

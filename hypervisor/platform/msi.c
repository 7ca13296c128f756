#include "platform/msi.h"

#include "cpu/apic.h"
#include "cpu/mmio.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "lib/log.h"

// The MSI capability.
#define MSI_CONTROL           2
#define MSI_ADDRESS           4
#define MSI_ADDRESS_HIGH      8
#define CONTROL_CAPABLE(c)    ((c) >> 1 & 7) // log2 of the number of messages
#define CONTROL_ENABLED_SHIFT 4
#define CONTROL_ENABLED_MASK  (7u << 4)
#define CONTROL_64BIT         (1u << 7)
#define CONTROL_MASKABLE      (1u << 8)

// The MSI-X capability and table.
#define MSIX_CONTROL       2
#define MSIX_TABLE         4
#define MSIX_SIZE(c)       (((c)&0x7ff) + 1)
#define MSIX_BAR(t)        ((t)&7)
#define MSIX_OFFSET(t)     ((t) & ~7u)
#define ENTRY_BYTES        16
#define ENTRY_ADDRESS      0
#define ENTRY_ADDRESS_HIGH 4
#define ENTRY_DATA         8
#define ENTRY_CONTROL      12
#define ENTRY_MASKED       1u

// Intel SDM vol. 3, 11.11.1: physical destination in bits 12 to 19; data: fixed delivery, edge.
#define MESSAGE_ADDRESS    0xfee00000u
#define MESSAGE_DEST_SHIFT 12

// What is known of a message, one for each interrupt; the chip's chip_data.
struct message {
    pci_sbdf_t sbdf;
    uint8_t capability;
    uint8_t mask_register; // MSI: offset of the mask bits in configuration space, 0: none
    uint8_t index;         // MSI: which of the device's messages
    uint8_t data_register;
    bool msix;
    uint8_t count_log2;   // MSI: of all messages of the device
    uint64_t table_page;  // MSI-X: machine address
    volatile char *entry; // MSI-X: in the mapped page
};
static struct message messages[NR_IRQS];

// Pages of MSI-X tables that are mapped; several devices' tables may lie in one page.
#define MAX_TABLE_PAGES 128
static struct table_page {
    uint64_t maddr;
    volatile char *va;
    unsigned users;
} table_pages[MAX_TABLE_PAGES];

static spinlock_t setup_lock; // set-up and teardown

static struct message *message_of(const struct irq *irq)
{
    return irq->chip_data;
}

static uint32_t message_address(const struct irq *irq)
{
    return MESSAGE_ADDRESS | apic_id_of(irq->cpu) << MESSAGE_DEST_SHIFT;
}

static void change_msi_mask(struct irq *irq, bool masked)
{
    const struct message *m = message_of(irq);
    uint32_t bits = pci_read(m->sbdf, m->mask_register, 4);
    uint32_t bit = 1u << m->index;

    pci_write(m->sbdf, m->mask_register, 4, masked ? bits | bit : bits & ~bit);
}

static void msi_mask(struct irq *irq)
{
    change_msi_mask(irq, true);
}

static void msi_unmask(struct irq *irq)
{
    change_msi_mask(irq, false);
}

// Only the address changes, in one write: a message is never torn.
static void msi_set_target(struct irq *irq)
{
    const struct message *m = message_of(irq);

    pci_write(m->sbdf, m->capability + MSI_ADDRESS, 4, message_address(irq));
}

static void msix_mask(struct irq *irq)
{
    const struct message *m = message_of(irq);

    mmio_write32(m->entry + ENTRY_CONTROL, ENTRY_MASKED);
    mmio_read32(m->entry + ENTRY_CONTROL); // has arrived
}

static void msix_unmask(struct irq *irq)
{
    mmio_write32(message_of(irq)->entry + ENTRY_CONTROL, 0);
}

static void msix_set_target(struct irq *irq)
{
    const struct message *m = message_of(irq);

    // An entry must not be changed while it is open.
    mmio_write32(m->entry + ENTRY_CONTROL, ENTRY_MASKED);
    mmio_write32(m->entry + ENTRY_ADDRESS, message_address(irq));
    if (!irq->mask_reasons)
        mmio_write32(m->entry + ENTRY_CONTROL, 0);
}

static const struct irq_chip msi_plain_chip = {"MSI", NULL, NULL, msi_set_target};
static const struct irq_chip msi_mask_chip = {"MSI-mask", msi_mask, msi_unmask, msi_set_target};
static const struct irq_chip msix_chip = {"MSI-X", msix_mask, msix_unmask, msix_set_target};

static bool is_message(const struct irq *irq)
{
    return irq->allocated &&
           (irq->chip == &msi_plain_chip || irq->chip == &msi_mask_chip || irq->chip == &msix_chip);
}

// The next interrupt from `vector` on that is a message of the device.
static struct irq *next_of_device(pci_sbdf_t sbdf, unsigned *vector)
{
    while (*vector <= VECTOR_LAST_DYNAMIC) {
        struct irq *irq = irq_of_vector((*vector)++);

        if (irq && is_message(irq) && message_of(irq)->sbdf == sbdf)
            return irq;
    }
    return NULL;
}

// May a message of the device be set up: MSI if it has none yet, MSI-X entry if that one is not?
static bool is_taken(pci_sbdf_t sbdf, bool msix, unsigned entry)
{
    unsigned vector = VECTOR_FIRST_DYNAMIC;
    struct irq *irq;

    while ((irq = next_of_device(sbdf, &vector)) != NULL)
        if (!msix || !message_of(irq)->msix || irq->source == entry)
            return true;
    return false;
}

static void write_msi(const struct irq *irq)
{
    const struct message *m = message_of(irq);
    uint16_t control = (uint16_t)pci_read(m->sbdf, m->capability + MSI_CONTROL, 2);

    pci_write(m->sbdf, m->capability + MSI_ADDRESS, 4, message_address(irq));
    if (control & CONTROL_64BIT)
        pci_write(m->sbdf, m->capability + MSI_ADDRESS_HIGH, 4, 0);
    pci_write(m->sbdf, m->data_register, 2, irq->vector - m->index);
    control = (uint16_t)((control & ~CONTROL_ENABLED_MASK) | (unsigned)m->count_log2
                                                                 << CONTROL_ENABLED_SHIFT);
    pci_write(m->sbdf, m->capability + MSI_CONTROL, 2, control);
    if (m->mask_register && irq->mask_reasons)
        change_msi_mask(irq_of_vector(irq->vector), true);
}

static void write_msix(const struct irq *irq)
{
    const struct message *m = message_of(irq);

    mmio_write32(m->entry + ENTRY_CONTROL, ENTRY_MASKED);
    mmio_write32(m->entry + ENTRY_ADDRESS, message_address(irq));
    mmio_write32(m->entry + ENTRY_ADDRESS_HIGH, 0);
    mmio_write32(m->entry + ENTRY_DATA, irq->vector);
    if (!irq->mask_reasons)
        mmio_write32(m->entry + ENTRY_CONTROL, 0);
}

static int setup_messages(const struct message *common, unsigned count, struct irq **first)
{
    struct irq *irq =
        irq_alloc(count, common->mask_register ? &msi_mask_chip : &msi_plain_chip, NULL);

    if (!irq)
        return -ENOSPC;
    *first = irq;
    for (unsigned i = 0; i < count; i++, irq++) {
        struct message *m = &messages[irq->vector - VECTOR_FIRST_DYNAMIC];

        *m = *common;
        m->index = (uint8_t)i;
        irq->chip_data = m;
        irq->source = (uint16_t)i;
        write_msi(irq);
    }
    return 0;
}

int msi_setup(pci_sbdf_t sbdf, unsigned count, struct irq **irq)
{
    unsigned at = pci_find_capability(sbdf, PCI_CAP_MSI);
    unsigned control = at ? pci_read(sbdf, at + MSI_CONTROL, 2) : 0;
    struct message m = {.sbdf = sbdf, .capability = (uint8_t)at};
    int rc = -EBUSY;

    if (!at)
        return -ENODEV;
    if (!count || count > 1u << MIN(CONTROL_CAPABLE(control), 5u) || (count & (count - 1)))
        return -EINVAL;
    m.count_log2 = (uint8_t)bit_first(count);
    m.data_register = (uint8_t)(at + (control & CONTROL_64BIT ? 12 : 8));
    if (control & CONTROL_MASKABLE)
        m.mask_register = (uint8_t)(m.data_register + 4);
    spin_lock(&setup_lock);
    if (!is_taken(sbdf, false, 0))
        rc = setup_messages(&m, count, irq);
    spin_unlock(&setup_lock);
    return rc;
}

static volatile char *get_table_page(uint64_t maddr)
{
    struct table_page *free = NULL;

    for (unsigned i = 0; i < MAX_TABLE_PAGES; i++) {
        if (table_pages[i].users && table_pages[i].maddr == maddr) {
            table_pages[i].users++;
            return table_pages[i].va;
        }
        if (!table_pages[i].users && !free)
            free = &table_pages[i];
    }
    if (!free) {
        log_warn("MSI-X: more than %u table pages\n", MAX_TABLE_PAGES);
        return NULL;
    }
    *free = (struct table_page){maddr, mmio_map(maddr, PAGE_SIZE), 1};
    if (!free->va)
        free->users = 0;
    return free->va;
}

static void put_table_page(uint64_t maddr)
{
    for (unsigned i = 0; i < MAX_TABLE_PAGES; i++)
        if (table_pages[i].users && table_pages[i].maddr == maddr && --table_pages[i].users == 0)
            mmio_unmap((void *)table_pages[i].va);
}

// Maps the entry and makes its interrupt.
static int setup_entry(struct message *m, unsigned entry, uint64_t maddr, struct irq **irq)
{
    volatile char *page = get_table_page(maddr & PAGE_MASK);

    if (!page)
        return -ENOMEM;
    m->table_page = maddr & PAGE_MASK;
    m->entry = page + (maddr & ~PAGE_MASK);
    *irq = irq_alloc(1, &msix_chip, NULL);
    if (!*irq) {
        put_table_page(m->table_page);
        return -ENOSPC;
    }
    messages[(*irq)->vector - VECTOR_FIRST_DYNAMIC] = *m;
    (*irq)->chip_data = &messages[(*irq)->vector - VECTOR_FIRST_DYNAMIC];
    (*irq)->source = (uint16_t)entry;
    write_msix(*irq);
    return 0;
}

int msix_setup(pci_sbdf_t sbdf, unsigned entry, uint64_t table_base, struct irq **irq)
{
    unsigned at = pci_find_capability(sbdf, PCI_CAP_MSIX);
    struct message m = {.sbdf = sbdf, .capability = (uint8_t)at, .msix = true};
    uint64_t base;
    uint32_t table;
    int rc = -EBUSY;

    if (!at)
        return -ENODEV;
    if (entry >= MSIX_SIZE(pci_read(sbdf, at + MSIX_CONTROL, 2)))
        return -EINVAL;
    table = pci_read(sbdf, at + MSIX_TABLE, 4);
    base = pci_bar_address(sbdf, MSIX_BAR(table));
    if (!base)
        base = table_base;
    if (!base)
        return -ENODEV;
    spin_lock(&setup_lock);
    if (!is_taken(sbdf, true, entry))
        rc = setup_entry(&m, entry, base + MSIX_OFFSET(table) + (uint64_t)entry * ENTRY_BYTES, irq);
    spin_unlock(&setup_lock);
    return rc;
}

void msi_teardown(struct irq *irq)
{
    struct message *m = message_of(irq);

    spin_lock(&setup_lock);
    irq_free(irq);
    if (m->msix)
        put_table_page(m->table_page);
    *m = (struct message){0};
    spin_unlock(&setup_lock);
}

int msi_restore(pci_sbdf_t sbdf)
{
    unsigned vector = VECTOR_FIRST_DYNAMIC;
    struct irq *irq;
    int rc = -ENODEV;

    spin_lock(&setup_lock);
    while ((irq = next_of_device(sbdf, &vector)) != NULL) {
        spin_lock(&irq->lock);
        if (message_of(irq)->msix)
            write_msix(irq);
        else
            write_msi(irq);
        spin_unlock(&irq->lock);
        rc = 0;
    }
    spin_unlock(&setup_lock);
    return rc;
}

bool msi_device(const struct irq *irq, pci_sbdf_t *sbdf)
{
    if (!is_message(irq))
        return false;
    *sbdf = message_of(irq)->sbdf;
    return true;
}

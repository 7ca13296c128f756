// Interrupts and pirqs: vectors, masking, level triggered lines and who owes an answer, sharing,
// messages, and a random walk that compares the mask of a line with what it should be.
//
// sources: hypervisor/cpu/irq.c hypervisor/core/pirq.c hypervisor/core/pirq_map.c
// sources: hypervisor/core/guest_frame.c
// sources: tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <CUnit/Basic.h>
#include <stdlib.h>

#include "core/event.h"
#include "core/pirq.h"
#include "cpu/apic.h"
#include "cpu/ioapic.h"
#include "cpu/irq.h"
#include "lib/errno.h"
#include "platform/msi.h"
#include "pv-abi/physdev.h"
#include "tests/suite.h"
#include "tests/unit/fake/platform.h"

// A machine with 24 lines and one PCI device ----------------------------------------------------

#define LINES  24
#define NO_GSI 30
#define DEVICE pci_sbdf(0, 3, 8)
#define PIRQS  400

static struct irq *line_irqs[LINES];
static bool line_level[LINES], masked[256];
static unsigned target[256], eois;

static void fake_mask(struct irq *irq)
{
    CU_ASSERT_FALSE(masked[irq->vector]);
    masked[irq->vector] = true;
}

static void fake_unmask(struct irq *irq)
{
    CU_ASSERT_TRUE(masked[irq->vector]);
    masked[irq->vector] = false;
}

static void fake_target(struct irq *irq)
{
    target[irq->vector] = irq->cpu;
}

static const struct irq_chip line_chip = {"line", fake_mask, fake_unmask, fake_target};
static const struct irq_chip message_chip = {"message", NULL, NULL, fake_target};

void apic_eoi(void)
{
    eois++;
}

uint32_t apic_id_of(unsigned cpu)
{
    return cpu * 100;
}

unsigned gsi_count(void)
{
    return LINES;
}

struct irq *gsi_irq(unsigned gsi)
{
    if (gsi >= LINES)
        return NULL;
    if (!line_irqs[gsi]) {
        line_irqs[gsi] = irq_alloc(1, &line_chip, NULL);
        line_irqs[gsi]->level = line_level[gsi];
        line_irqs[gsi]->source = (uint16_t)gsi;
        masked[line_irqs[gsi]->vector] = true;
    }
    return line_irqs[gsi];
}

static unsigned messages_set_up;

int msi_setup(pci_sbdf_t sbdf, unsigned count, struct irq **irq)
{
    if (sbdf != DEVICE)
        return -ENODEV;
    *irq = irq_alloc(count, &message_chip, NULL);
    if (!*irq)
        return -ENOSPC;
    messages_set_up += count;
    return 0;
}

int msix_setup(pci_sbdf_t sbdf, unsigned entry, uint64_t table_base, struct irq **irq)
{
    return msi_setup(sbdf, 1, irq);
}

void msi_teardown(struct irq *irq)
{
    irq_free(irq);
    messages_set_up--;
}

bool msi_device(const struct irq *irq, pci_sbdf_t *sbdf)
{
    return irq->chip == &message_chip;
}

// Event channels: what has been bound and what has arrived
// -----------------------------------------

static bool bound[4][PIRQS];
static unsigned arrived[4][PIRQS];

bool event_send_pirq(struct domain *d, unsigned pirq)
{
    if (!bound[d->id][pirq])
        return false;
    arrived[d->id][pirq]++;
    return true;
}

uint32_t event_pirq_port(struct domain *d, unsigned pirq)
{
    return bound[d->id][pirq] ? pirq + 1000 : 0;
}

static int bind(struct domain *d, unsigned pirq, bool share)
{
    int rc;

    bound[d->id][pirq] = true;
    rc = pirq_guest_bind(d->vcpus[0], pirq, share);
    if (rc)
        bound[d->id][pirq] = false;
    return rc;
}

static void unbind(struct domain *d, unsigned pirq)
{
    bound[d->id][pirq] = false;
    pirq_guest_unbind(d, pirq);
}

static struct domain *make(domid_t id)
{
    struct domain *d = fake_domain(id, 1, id == 0);

    fake_run(d->vcpus[0]);
    return d;
}

static void destroy(struct domain *d)
{
    memset(bound[d->id], 0, sizeof(bound[d->id]));
    pirq_domain_relinquish(d);
    pirq_domain_destroy(d);
    fake_domain_remove(d);
    fake_domain_free(d);
}

static void start(void)
{
    fake_reset();
    memset(arrived, 0, sizeof(arrived));
    memset(bound, 0, sizeof(bound));
    for (unsigned i = 0; i < LINES; i++)
        line_level[i] = i >= 16;
}

static void end(void)
{
    CU_ASSERT_EQUAL(messages_set_up, 0);
    for (unsigned i = 0; i < LINES; i++) {
        if (line_irqs[i])
            irq_free(line_irqs[i]);
        line_irqs[i] = NULL;
    }
    for (unsigned v = VECTOR_FIRST_DYNAMIC; v <= VECTOR_LAST_DYNAMIC; v++)
        CU_ASSERT_PTR_NULL(irq_of_vector(v));
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void fire(unsigned gsi)
{
    if (line_irqs[gsi] && !masked[line_irqs[gsi]->vector])
        irq_dispatch(line_irqs[gsi]->vector);
}

static bool is_masked(unsigned gsi)
{
    return masked[line_irqs[gsi]->vector];
}

// Vectors
// ------------------------------------------------------------------------------------------

static void test_vectors(void)
{
    struct irq *all[NR_IRQS], *four;
    unsigned n = 0;

    start();
    all[0] = irq_alloc(1, &message_chip, NULL);
    four = irq_alloc(4, &message_chip, NULL);
    CU_ASSERT_EQUAL(four->vector % 4, 0);
    CU_ASSERT_EQUAL(four[3].vector, four->vector + 3);
    for (unsigned i = 0; i < 4; i++)
        irq_free(&four[i]);
    irq_free(all[0]);
    while ((all[n] = irq_alloc(1, &message_chip, NULL)) != NULL) {
        CU_ASSERT_PTR_EQUAL(irq_of_vector(all[n]->vector), all[n]);
        if (++n == NR_IRQS)
            break;
    }
    CU_ASSERT_EQUAL(n, NR_IRQS);
    CU_ASSERT_PTR_NULL(irq_alloc(1, &message_chip, NULL));
    irq_free(all[5]);
    irq_free(all[6]);
    CU_ASSERT_PTR_NULL(irq_alloc(2, &message_chip, NULL)); // 0x35, 0x36: not aligned
    irq_free(all[7]);
    CU_ASSERT_PTR_EQUAL(irq_alloc(2, &message_chip, NULL), all[6]);
    for (unsigned i = 0; i < n; i++)
        if (all[i]->allocated)
            irq_free(all[i]);
    end();
}

static void test_strays(void)
{
    struct irq *irq;

    start();
    eois = 0;
    irq = gsi_irq(20);
    irq_dispatch(irq->vector);
    CU_ASSERT_EQUAL(irq->strays, 1);
    CU_ASSERT_TRUE(is_masked(20));
    irq_dispatch(VECTOR_LAST_DYNAMIC); // not allocated
    irq_dispatch(0x27);                // the 8259's spurious interrupt
    CU_ASSERT_EQUAL(eois, 3);
    end();
}

// Mapping
// ------------------------------------------------------------------------------------------

static void test_map_gsi(void)
{
    struct domain *d;
    int pirq = 20;

    start();
    d = make(0);
    CU_ASSERT_EQUAL(pirq_map_gsi(d, 20, &pirq), 0);
    CU_ASSERT_EQUAL(pirq, 20);
    pirq = -1;
    CU_ASSERT_EQUAL(pirq_map_gsi(d, 20, &pirq), 0); // confirmed
    CU_ASSERT_EQUAL(pirq, 20);
    pirq = 21;
    CU_ASSERT_EQUAL(pirq_map_gsi(d, 20, &pirq), -EEXIST);
    pirq = 20;
    CU_ASSERT_EQUAL(pirq_map_gsi(d, 21, &pirq), -EEXIST);
    pirq = -1;
    CU_ASSERT_EQUAL(pirq_map_gsi(d, 22, &pirq), 0);
    CU_ASSERT_EQUAL(pirq, 16);
    pirq = 100000;
    CU_ASSERT_EQUAL(pirq_map_gsi(d, 23, &pirq), -EINVAL);
    CU_ASSERT_EQUAL(pirq_map_gsi(d, NO_GSI, &pirq), -EINVAL);
    CU_ASSERT_EQUAL(pirq_unmap(d, 20), 0);
    CU_ASSERT_EQUAL(pirq_unmap(d, 20), -EINVAL);
    CU_ASSERT_EQUAL(pirq_unmap(d, 100000), -EINVAL);
    CU_ASSERT_EQUAL(pirq_status(d, 100000), -EINVAL);
    destroy(d);
    end();
}

static void test_messages(void)
{
    struct domain *d;
    int first = -1, second = -1, third;

    start();
    d = make(0);
    CU_ASSERT_EQUAL(pirq_map_msi(d, DEVICE + 1, 1, &first), -ENODEV);
    CU_ASSERT_EQUAL(pirq_map_msi(d, DEVICE, 4, &first), 0);
    CU_ASSERT_TRUE(first >= LINES);
    CU_ASSERT_EQUAL(pirq_map_msix(d, DEVICE, 0, 0, &second), 0);
    CU_ASSERT_EQUAL(second, first - 1);
    third = first + 1;
    CU_ASSERT_EQUAL(pirq_map_msi(d, DEVICE, 1, &third), -EEXIST);
    CU_ASSERT_EQUAL(bind(d, (unsigned)first + 3, false), 0);
    CU_ASSERT_EQUAL(pirq_status(d, (unsigned)first + 3), 0);
    irq_dispatch(pirq_to_irq(d, (unsigned)first)->vector + 3u);
    irq_dispatch(pirq_to_irq(d, (unsigned)first)->vector + 3u);
    CU_ASSERT_EQUAL(arrived[0][first + 3], 2);
    CU_ASSERT_EQUAL(pirq_eoi(d, (unsigned)first + 3), 0);
    CU_ASSERT_EQUAL(pirq_eoi(d, (unsigned)first), -EINVAL); // not bound
    CU_ASSERT_EQUAL(pirq_unmap(d, (unsigned)first + 3), 0); // unbinds
    CU_ASSERT_EQUAL(pirq_eoi(d, (unsigned)first + 3), -EINVAL);
    unbind(d, (unsigned)first + 3); // comes too late, harmless
    destroy(d);
    end();
}

static void test_reserve(void)
{
    struct domain *d;
    int pirq = -1, reserved;

    start();
    d = make(0);
    reserved = pirq_reserve(d, true);
    CU_ASSERT_TRUE(reserved >= LINES);
    CU_ASSERT_EQUAL(pirq_map_msi(d, DEVICE, 1, &pirq), 0);
    CU_ASSERT_NOT_EQUAL(pirq, reserved);
    CU_ASSERT_EQUAL(pirq_map_msix(d, DEVICE, 1, 0, &reserved), 0);
    CU_ASSERT_EQUAL(pirq_reserve(d, false), 16);
    while ((reserved = pirq_reserve(d, true)) >= 0)
        ;
    CU_ASSERT_EQUAL(reserved, -ENOSPC);
    destroy(d);
    end();
}

// Lines
// ---------------------------------------------------------------------------------------------

static void test_level(void)
{
    struct domain *d;
    int pirq = 20;

    start();
    d = make(0);
    CU_ASSERT_EQUAL(bind(d, 20, false), -EINVAL); // not mapped
    pirq_map_gsi(d, 20, &pirq);
    CU_ASSERT_EQUAL(bind(d, 20, false), 0);
    CU_ASSERT_EQUAL(pirq_guest_bind(d->vcpus[0], 20, false), -EEXIST);
    CU_ASSERT_EQUAL(pirq_status(d, 20), XENIRQSTAT_needs_eoi);
    CU_ASSERT_FALSE(is_masked(20));
    fire(20);
    CU_ASSERT_TRUE(is_masked(20));
    fire(20); // cannot come
    CU_ASSERT_EQUAL(arrived[0][20], 1);
    CU_ASSERT_EQUAL(pirq_eoi(d, 20), 0);
    CU_ASSERT_FALSE(is_masked(20));
    CU_ASSERT_EQUAL(pirq_eoi(d, 20), 0); // once more than needed
    fire(20);
    CU_ASSERT_EQUAL(arrived[0][20], 2);
    unbind(d, 20); // owing
    CU_ASSERT_TRUE(is_masked(20));
    CU_ASSERT_EQUAL(bind(d, 20, false), 0);
    CU_ASSERT_FALSE(is_masked(20));
    fire(20);
    CU_ASSERT_EQUAL(arrived[0][20], 3);
    bound[0][20] = false; // a port that is just being closed
    pirq_eoi(d, 20);
    fire(20);
    CU_ASSERT_FALSE(is_masked(20)); // nobody would have answered
    pirq_guest_set_affinity(d, 20, 3);
    CU_ASSERT_EQUAL(target[line_irqs[20]->vector], 0); // APIC id 300 is out of reach
    pirq_guest_set_affinity(d, 20, 2);
    CU_ASSERT_EQUAL(target[line_irqs[20]->vector], 2);
    destroy(d);
    end();
}

static void test_edge(void)
{
    struct domain *d;
    int pirq = 4;

    start();
    d = make(0);
    pirq_map_gsi(d, 4, &pirq);
    CU_ASSERT_EQUAL(bind(d, 4, false), 0);
    CU_ASSERT_EQUAL(pirq_status(d, 4), 0);
    fire(4);
    fire(4);
    CU_ASSERT_EQUAL(arrived[0][4], 2);
    CU_ASSERT_FALSE(is_masked(4));
    destroy(d);
    CU_ASSERT_TRUE(is_masked(4));
    end();
}

static bool own_handler(struct irq *irq, void *data)
{
    ++*(unsigned *)data;
    return true;
}

static void test_own(void)
{
    unsigned count = 0;
    struct domain *d;
    int pirq = 17;

    start();
    d = make(0);
    CU_ASSERT_EQUAL(irq_bind(gsi_irq(17), own_handler, &count), 0);
    CU_ASSERT_EQUAL(pirq_map_gsi(d, 17, &pirq), 0);
    CU_ASSERT_EQUAL(bind(d, 17, true), -EBUSY);
    fire(17);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_FALSE(is_masked(17));
    irq_unbind(line_irqs[17]);
    CU_ASSERT_EQUAL(bind(d, 17, true), 0);
    destroy(d);
    end();
}

static void test_sharing(void)
{
    struct domain *a, *b;
    int p = 20, q = -1;

    start();
    a = make(0);
    b = make(1);
    pirq_map_gsi(a, 20, &p);
    pirq_map_gsi(b, 20, &q);
    CU_ASSERT_EQUAL(bind(a, 20, false), 0);
    CU_ASSERT_EQUAL(bind(b, (unsigned)q, true), -EBUSY);
    unbind(a, 20);
    CU_ASSERT_EQUAL(bind(a, 20, true), 0);
    CU_ASSERT_EQUAL(bind(b, (unsigned)q, false), -EBUSY);
    CU_ASSERT_EQUAL(bind(b, (unsigned)q, true), 0);
    CU_ASSERT_EQUAL(pirq_status(b, (unsigned)q), XENIRQSTAT_needs_eoi | XENIRQSTAT_shared);
    fire(20);
    CU_ASSERT_EQUAL(arrived[0][20] + arrived[1][q], 2);
    pirq_eoi(a, 20);
    CU_ASSERT_TRUE(is_masked(20));
    unbind(b, (unsigned)q); // leaves without an answer
    CU_ASSERT_FALSE(is_masked(20));
    destroy(a);
    destroy(b);
    end();
}

static void test_eoi_map(void)
{
    struct domain *d;
    int p = 20, q = 4;
    struct frame *frame;
    uint64_t *map;

    start();
    d = make(0);
    frame = fake_guest_frame(d);
    map = fake_frame_va(frame);
    pirq_map_gsi(d, 20, &p);
    CU_ASSERT_EQUAL(pirq_share_eoi_map(d, FAKE_FRAMES), -EINVAL);
    CU_ASSERT_EQUAL(pirq_share_eoi_map(d, virt_to_mfn(map)), 0);
    CU_ASSERT_EQUAL(pirq_share_eoi_map(d, virt_to_mfn(map)), -EBUSY);
    CU_ASSERT_TRUE(bit_test(map, 20));
    pirq_map_gsi(d, 4, &q);
    bind(d, 4, false);
    bind(d, 20, false);
    CU_ASSERT_TRUE(bit_test(map, 20));
    CU_ASSERT_FALSE(bit_test(map, 4));
    CU_ASSERT_EQUAL(fake_frame_types(frame), 1);
    memset(bound[0], 0, sizeof(bound[0]));
    pirq_domain_relinquish(d);
    pirq_domain_destroy(d);
    CU_ASSERT_EQUAL(fake_frame_types(frame), 0);
    frame_put(frame);
    fake_domain_remove(d);
    fake_domain_free(d);
    end();
}

// Two domains bind, unbind, answer and get interrupts on three lines at random. A bound line is
// masked exactly as long as somebody who was told has not answered.
static void test_random(void)
{
    static const unsigned gsis[] = {4, 18, 20};
    bool owes[2][LINES] = {{false}};
    struct domain *d[2];

    start();
    d[0] = make(0);
    d[1] = make(1);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 2; k++)
            pirq_map_gsi(d[k], gsis[i], &(int){(int)gsis[i]});
    srandom(1);
    for (unsigned step = 0; step < 200000; step++) {
        unsigned gsi = gsis[random() % 3], k = random() % 2;

        switch (random() % 4) {
        case 0:
            if (!bound[k][gsi])
                CU_ASSERT_EQUAL(bind(d[k], gsi, true), 0);
            break;
        case 1:
            if (bound[k][gsi])
                unbind(d[k], gsi);
            owes[k][gsi] = false;
            break;
        case 2:
            pirq_eoi(d[k], gsi);
            owes[k][gsi] = false;
            break;
        default:
            if (!is_masked(gsi) && line_level[gsi])
                for (unsigned i = 0; i < 2; i++)
                    owes[i][gsi] = bound[i][gsi];
            fire(gsi);
        }
        CU_ASSERT_EQUAL(is_masked(gsi),
                        (!bound[0][gsi] && !bound[1][gsi]) || owes[0][gsi] || owes[1][gsi]);
    }
    destroy(d[0]);
    destroy(d[1]);
    end();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"vectors", test_vectors},          {"strays", test_strays},
        {"mapping lines", test_map_gsi},    {"messages", test_messages},
        {"reserved numbers", test_reserve}, {"level triggered", test_level},
        {"edge triggered", test_edge},      {"the hypervisor's own", test_own},
        {"sharing", test_sharing},          {"shared EOI map", test_eoi_map},
        {"random walk", test_random},       CU_TEST_INFO_NULL,
    };

    return run_suite("pirq", tests);
}

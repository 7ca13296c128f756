// Devices that a process in domain 0 makes (tests/boot/ioreq_server.c), well-behaved and not. With
// the option `ioreq` only; the last test never ends.
#include "tests/boot/ioreq_server.h"

#include "pv-abi/memory.h"
#include "tests/guests/hvm/hvm.h"

#define PATIENCE (30ull * 1000000000)

static void need_server(void)
{
    uint64_t end = time_now() + PATIENCE;

    if (!option_given("ioreq"))
        SKIP("there is no ioreq server");
    while (port_in32(IOREQ_PORTS) != IOREQ_FIXED && time_now() < end)
        ;
    REQUIRE(port_in32(IOREQ_PORTS) == IOREQ_FIXED);
}

TEST(ioreq_ports)
{
    need_server();
    CHECK_EQ(port_in8(IOREQ_PORTS), 0x12);
    CHECK_EQ(port_in16(IOREQ_PORTS), 0x3412);
    for (uint32_t i = 1; i < 200; i++) {
        port_out32(IOREQ_PORTS + IOREQ_PORT_REGISTER, i * 0x1010101);
        if (!CHECK_EQ(port_in32(IOREQ_PORTS + IOREQ_PORT_REGISTER), i * 0x1010101))
            break;
    }
    // What lies partly beyond is nobody's.
    CHECK_EQ(port_in32(IOREQ_PORTS + IOREQ_NR_PORTS - 2), 0xffffffff);
    CHECK_EQ(port_in32(IOREQ_PORTS + IOREQ_NR_PORTS), 0xffffffff);
}

static uint32_t strings_served(void)
{
    return port_in32(IOREQ_PORTS + IOREQ_PORT_STRINGS);
}

// What lies in one page is one request.
TEST(ioreq_strings)
{
    uint32_t __attribute__((aligned(32))) values[5] = {0}, *to = values;
    const uint32_t *from = values;
    uint64_t count = 4;
    uint32_t served;

    need_server();
    served = strings_served();
    __asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(IOREQ_PORTS) : "memory");
    CHECK(count == 0 && to == values + 4);
    for (unsigned i = 0; i < 5; i++)
        CHECK_EQ(values[i], i < 4 ? IOREQ_FIXED : 0);
    for (unsigned i = 0; i < 5; i++)
        values[i] = i + 5;
    count = 3;
    __asm__ volatile("rep outsl"
                     : "+S"(from), "+c"(count)
                     : "d"(IOREQ_PORTS + IOREQ_PORT_REGISTER)
                     : "memory");
    CHECK(count == 0 && from == values + 3);
    CHECK_EQ(port_in32(IOREQ_PORTS + IOREQ_PORT_REGISTER), 7);
    CHECK_EQ(strings_served(), served + 2);
}

// Backwards over a page's first bytes: two values behind them, one across, two before.
TEST(ioreq_string_across)
{
    static uint8_t __attribute__((aligned(4096))) pages[8192];
    uint8_t *first = pages + 4096 + 6, *to = first;
    uint64_t count = 5;
    uint32_t served, value;

    need_server();
    memset(pages, 0, sizeof(pages));
    served = strings_served();
    __asm__ volatile("std; rep insl; cld" : "+D"(to), "+c"(count) : "d"(IOREQ_PORTS) : "memory");
    CHECK(count == 0 && to == first - 20);
    for (const uint8_t *at = first + 4; at >= first - 20; at -= 4) {
        memcpy(&value, at, 4);
        CHECK_EQ(value, at > first || at < first - 16 ? 0 : IOREQ_FIXED);
    }
    CHECK_EQ(strings_served(), served + 2);
}

TEST(ioreq_memory)
{
    volatile uint64_t *m = (volatile uint64_t *)IOREQ_MEMORY;
    volatile uint8_t *bytes = (volatile uint8_t *)IOREQ_MEMORY;
    uint64_t value = 0x1122334455667788;

    need_server();
    m[0] = value;
    m[511] = ~value;
    CHECK_EQ(m[0], value);
    CHECK_EQ(m[511], ~value);
    CHECK_EQ(bytes[1], 0x77);
    bytes[1] = 0xaa;
    CHECK_EQ(m[0], 0x112233445566aa88);
    CHECK_EQ(*(volatile uint32_t *)(bytes + 2), 0x33445566);
    CHECK_EQ((int64_t) * (volatile int8_t *)(bytes + 1), -0x56); // MOVSX
    // Two accesses by one instruction, each made once.
    __asm__ volatile("xchgq %0, (%1)" : "+a"(value) : "b"(m + 1) : "memory");
    CHECK_EQ(value, 0);
    CHECK_EQ(m[1], 0x1122334455667788);
}

TEST(ioreq_pci_config)
{
    need_server();
    port_out32(0xcf8, 0x80000000u | IOREQ_DEVICE << 11 | 0x40);
    CHECK_EQ(port_in32(0xcfc), IOREQ_CONFIG | 0x40);
    CHECK_EQ(port_in16(0xcfe), 0x42); // of the register beside, the lower half
    port_out32(0xcf8, 0x80000000u | (IOREQ_DEVICE + 1) << 11);
    CHECK_EQ(port_in32(0xcfc), 0xffffffff);
    port_out32(0xcf8, 0);
    CHECK_EQ(port_in32(0xcfc), 0xffffffff);
}

static long reservation(unsigned cmd, uint64_t gfn)
{
    struct xen_memory_reservation op = {.nr_extents = 1, .domid = DOMID_SELF};

    op.extent_start = &gfn;
    return hc(memory_op, cmd, &op);
}

TEST(ioreq_memory_given_back)
{
    volatile uint32_t *video = (volatile uint32_t *)IOREQ_VIDEO;
    uint32_t told, posted, sum = 0;

    need_server();
    told = port_in32(IOREQ_PORTS + IOREQ_PORT_INVALIDATE);
    posted = port_in32(IOREQ_PORTS + IOREQ_PORT_POSTED);
    CHECK_EQ(reservation(XENMEM_decrease_reservation, IOREQ_VIDEO >> PAGE_SHIFT), 1);
    CHECK_EQ(port_in32(IOREQ_PORTS + IOREQ_PORT_INVALIDATE), told + 1);
    for (uint32_t i = 1; i <= 1200; i++) { // more than twice what the buffer holds
        video[i % 1024] = i;
        sum += i;
    }
    if (on_vellum()) // elsewhere nothing is posted to a server of this kind
        CHECK_EQ(port_in32(IOREQ_PORTS + IOREQ_PORT_POSTED) - posted, sum);
    CHECK_EQ(reservation(XENMEM_populate_physmap, IOREQ_VIDEO >> PAGE_SHIFT), 1);
}

// Interrupts go on meanwhile, and none comes in the middle of an instruction.
TEST(ioreq_interrupts)
{
    unsigned before = interrupt_count[0x41];

    need_server();
    *lapic(LAPIC_DIVIDE) = 0xb;
    *lapic(LAPIC_LVT_TIMER) = 1u << 17 | 0x41; // periodic
    *lapic(LAPIC_COUNT) = 2000000;
    __asm__ volatile("sti");
    for (uint32_t i = 0; i < 300; i++) {
        port_out32(IOREQ_PORTS + IOREQ_PORT_REGISTER, i);
        if (!CHECK_EQ(port_in32(IOREQ_PORTS + IOREQ_PORT_REGISTER), i))
            break;
    }
    __asm__ volatile("cli");
    *lapic(LAPIC_COUNT) = 0;
    *lapic(LAPIC_LVT_TIMER) = 1u << 16;
    CHECK(interrupt_count[0x41] > before);
}

TEST(ioreq_noise)
{
    need_server();
    CHECK_EQ(port_in32(IOREQ_PORTS + IOREQ_PORT_NOISE), IOREQ_FIXED);
    CHECK_EQ(port_in32(IOREQ_PORTS + IOREQ_PORT_GARBLED), IOREQ_FIXED);
}

// Real Xen crashes the guest, or has it wait for ever.
TEST(ioreq_hostile)
{
    if (!on_vellum())
        SKIP("not by real Xen");
    need_server();
    for (unsigned port = IOREQ_PORT_BAD_STATE; port <= IOREQ_PORT_CLOSED; port += 4)
        for (unsigned i = 0; i < 3; i++) {
            CHECK_EQ(port_in32(IOREQ_PORTS + port), 0xffffffff);
            need_server();
        }
}

TEST(ioreq_ends)
{
    if (!on_vellum())
        SKIP("not by real Xen");
    need_server();
    CHECK_EQ(port_in32(IOREQ_PORTS + IOREQ_PORT_ENDS), 0xffffffff);
    CHECK_EQ(port_in32(IOREQ_PORTS), 0xffffffff);
    print("the server has ended\n");
    need_server(); // another
    CHECK_EQ(port_in32(IOREQ_PORTS), IOREQ_FIXED);
}

TEST(ioreq_silent)
{
    need_server();
    print("waiting for ever\n");
    port_in32(IOREQ_PORTS + IOREQ_PORT_SILENT);
}

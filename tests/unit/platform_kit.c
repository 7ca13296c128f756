#include "tests/unit/platform_kit.h"

#include "core/pv_time.h"
#include "lib/string.h"
#include "platform/rtc.h"
#include "tests/suite.h"

struct hvm_domain *d;
struct hvm_vcpu *v[VCPUS];
struct hvm_platform *p;
struct vcpu_info info;
unsigned shutdowns, published;

// What the platform asks of other rooms.
int64_t wallclock_at_start(void)
{
    return SECONDS(1795200000ll);
}

void wallclock_publish(struct domain *domain)
{
    published++;
}

int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    static const unsigned before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return (year - 1970) * 365 + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400 +
           before[month - 1] + (month > 2 && leap) + day - 1;
}

void domain_shutdown(struct domain *domain, unsigned reason)
{
    shutdowns++;
}

enum ioreq_result ioreq_access(struct hvm_vcpu *who, const struct hvm_access *a)
{
    return IOREQ_UNCLAIMED;
}

void timer_migrate(struct timer *t, unsigned cpu)
{
}

void start(void)
{
    fake_reset();
    d = kit_domain(VCPUS);
    kit_now = SECONDS(10);
    memset(&info, 0, sizeof(info));
    for (unsigned i = 0; i < VCPUS; i++) {
        v[i] = to_hvm(d->d.vcpus[i]);
        lapic_init(v[i]);
        lapic_write(v[i], 0xf0, 0x1ff);
        lapic_write(v[i], 0xd0, 1u << (24 + i));
    }
    v[0]->v.info = &info;
    CU_ASSERT_EQUAL_FATAL(hvm_platform_init(&d->d), 0);
    p = d->platform;
    shutdowns = published = 0;
}

void finish(void)
{
    hvm_platform_destroy(&d->d);
    kit_domain_free(d);
}

uint64_t access_at(bool port, uint64_t address, uint8_t bytes, bool write, uint64_t data)
{
    struct hvm_access a = {
        .address = address, .data = data, .bytes = bytes, .port = port, .write = write};

    CU_ASSERT_EQUAL(hvm_access(v[0], &a), HVM_ACCESS_DONE);
    hvm_access_retire(v[0]);
    return a.data;
}

void out(unsigned port, unsigned value)
{
    access_at(true, port, 1, true, value);
}

unsigned in(unsigned port)
{
    return (uint8_t)access_at(true, port, 1, false, 0);
}

uint32_t io_read(unsigned reg)
{
    access_at(false, IOAPIC_BASE, 4, true, reg);
    return (uint32_t)access_at(false, IOAPIC_BASE + 0x10, 4, false, 0);
}

void io_write(unsigned reg, uint32_t value)
{
    access_at(false, IOAPIC_BASE, 4, true, reg);
    access_at(false, IOAPIC_BASE + 0x10, 4, true, value);
}

void route(unsigned input, uint32_t lower, uint32_t destination)
{
    io_write(0x11 + 2 * input, destination << 24);
    io_write(0x10 + 2 * input, lower);
}

unsigned taken(uint8_t vector)
{
    unsigned who = 0;

    for (unsigned i = 0; i < VCPUS; i++) {
        if (lapic_pending(v[i]) != vector)
            continue;
        who |= 1u << i;
        lapic_accept(v[i], vector);
        lapic_write(v[i], 0xb0, 0);
    }
    return who;
}

void set_up_pic(uint16_t open)
{
    static const uint8_t icw[2][4] = {{0x11, 0x20, 4, 1}, {0x11, 0x28, 2, 1}};

    for (unsigned chip = 0; chip < 2; chip++)
        for (unsigned i = 0; i < 4; i++)
            out((chip ? 0xa0 : 0x20) + (i != 0), icw[chip][i]);
    out(0x21, (uint8_t) ~(open | 4));
    out(0xa1, (uint8_t)(~open >> 8));
    lapic_write(v[0], 0x350, 0x700);
}

void pass_until(nsec_t then)
{
    while (p->when <= then)
        kit_pass_time(p->when);
    kit_pass_time(then);
}

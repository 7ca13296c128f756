// The clocks in guests' memory: rewritten when the scale changes and only then, always consistent.
// sources: hypervisor/core/guest_tsc.c hypervisor/cpu/time_scale.c hypervisor/core/pv_time.c
// sources: tests/unit/fake/platform.c
#include <CUnit/Basic.h>

#include "core/pv_time.h"
#include "core/sched.h"
#include "lib/errno.h"
#include "platform/rtc.h"
#include "tests/suite.h"
#include "tests/unit/fake/platform.h"

static nsec_t now;
static struct tsc_scale scale;
static int area_error;
static uint32_t versions[8]; // that the secondary area went through
static unsigned nr_versions;

nsec_t time_now(void)
{
    return now;
}

uint64_t time_tsc_hz(void)
{
    return 1000000000;
}

void time_get_scale(struct tsc_scale *s)
{
    *s = scale;
}

int64_t wallclock_read(void)
{
    return 1700000000;
}

int vcpu_area_write(uint64_t va, const void *src, size_t len)
{
    if (area_error)
        return area_error;
    memcpy((void *)va, src, len);
    memcpy(&versions[nr_versions++ % 8], (void *)va, 4);
    return 0;
}

static struct domain *d;
static struct vcpu *v;
static struct vcpu_time_info area;

static void start(void)
{
    fake_reset();
    d = fake_domain(1, 1, false);
    v = d->vcpus[0];
    fake_run(v);
    scale = (struct tsc_scale){.tsc_base = 1000,
                               .ns_base = 5,
                               .mul = 0x80000000,
                               .shift = 1,
                               .stable = true,
                               .generation = 1};
    memset(&area, 0, sizeof(area));
    nr_versions = 0;
    area_error = 0;
}

static void finish(void)
{
    fake_domain_remove(d);
    fake_domain_free(d);
}

static void test_update(void)
{
    const struct vcpu_time_info *t;

    start();
    t = &v->info->time;
    pv_time_update(v);
    CU_ASSERT_EQUAL(t->version, 2);
    CU_ASSERT_EQUAL(t->tsc_timestamp, 1000);
    CU_ASSERT_EQUAL(t->system_time, 5);
    CU_ASSERT_EQUAL(t->tsc_to_system_mul, 0x80000000);
    CU_ASSERT_EQUAL(t->tsc_shift, 1);
    CU_ASSERT_EQUAL(t->flags, XEN_PVCLOCK_TSC_STABLE_BIT);
    pv_time_update(v);
    CU_ASSERT_EQUAL(t->version, 2);
    pv_time_init();
    scale.stable = false;
    scale.tsc_base = 2000;
    scale.generation = 2;
    pv_time_update(v);
    CU_ASSERT_EQUAL(t->version, 4);
    CU_ASSERT_EQUAL(t->tsc_timestamp, 2000);
    CU_ASSERT_EQUAL(t->flags, 0);
    finish();
}

static void test_secondary(void)
{
    start();
    v->time_info_guest = guest_address(&area);
    area_error = -EFAULT; // not reachable: another time
    pv_time_update(v);
    CU_ASSERT_EQUAL(area.tsc_timestamp, 0);
    area_error = 0;
    pv_time_update(v);
    CU_ASSERT_EQUAL(memcmp(&area, &v->info->time, sizeof(area)), 0);
    CU_ASSERT_EQUAL(nr_versions, 3);
    CU_ASSERT(versions[0] & 1 && versions[1] & 1 && !(versions[2] & 1));
    pv_time_update(v);
    CU_ASSERT_EQUAL(nr_versions, 3);
    finish();
}

static void test_wall_clock(void)
{
    const struct shared_info *s;
    uint32_t version;

    start();
    s = d->shared_info;
    now = SECONDS(100) + 7;
    pv_time_init();
    CU_ASSERT_EQUAL(s->wc_sec, 1700000000 - 101);
    CU_ASSERT_EQUAL(s->wc_nsec, 1000000000 - 7);
    version = s->wc_version;
    CU_ASSERT(version && !(version & 1));
    d->time_offset_seconds = 3600;
    wallclock_set(5000000000, 10, now - 10); // beyond 2106: more than 32 bits
    CU_ASSERT_EQUAL(s->wc_sec | (uint64_t)s->wc_sec_hi << 32, 5000000000 - 100 + 3600);
    CU_ASSERT_EQUAL(s->wc_nsec, 13);
    CU_ASSERT_EQUAL(s->wc_version, version + 2);
    d->time_offset_seconds = 0;
    wallclock_set(0, 0, now);
    CU_ASSERT(s->wc_sec == 0 && s->wc_sec_hi == 0 && s->wc_nsec == 0);
    finish();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"time info", test_update},
        {"secondary area", test_secondary},
        {"wall clock", test_wall_clock},
        CU_TEST_INFO_NULL,
    };

    return run_suite("guests' clocks", tests);
}

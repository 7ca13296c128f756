// lib/printf.c against the C library's own vsnprintf. The file is included, under other names,
// since both define the same functions. sources:
#include <CUnit/Basic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define vsnprintf hv_vsnprintf
#define snprintf  hv_snprintf
#include "hypervisor/lib/printf.c"
#include "tests/suite.h"
#undef vsnprintf
#undef snprintf

#define SAME(...)                                                 \
    do {                                                          \
        char want[128], got[128];                                 \
        int want_len = snprintf(want, sizeof(want), __VA_ARGS__); \
        int got_len = hv_snprintf(got, sizeof(got), __VA_ARGS__); \
                                                                  \
        CU_ASSERT_EQUAL(got_len, want_len);                       \
        CU_ASSERT_STRING_EQUAL(got, want);                        \
    } while (0)

static void test_numbers(void)
{
    SAME("%d %d %d", 0, -1, INT32_MIN);
    SAME("%u %x", 4000000000u, 0xdeadbeefu);
    SAME("%ld %lu %lx", INT64_MIN, UINT64_MAX, UINT64_MAX);
    SAME("%lld %llu %llx", (long long)INT64_MIN, ~0ull, ~0ull);
    SAME("%zu %zx", (size_t)-1, (size_t)77);
}

static void test_padding(void)
{
    SAME("[%5d][%-5d][%05d]", 42, 42, -42);
    SAME("[%08lx][%#x][%#010x][%#x]", 0x1234ul, 0x12, 0x12, 0);
    SAME("[%*d][%-*d]", 6, 1, 6, 2);
    SAME("[%3d][%3d]", 12345, -12345);
}

static void test_text(void)
{
    SAME("%s|%10s|%-10s|%.2s|%.*s", "abc", "abc", "abc", "abc", 1, "abc");
    SAME("%c%c%%|%3c", 'a', 'b', 'c');
    SAME("plain");
    SAME("%s", "");
}

static void test_limits(void)
{
    char buf[8] = "unused!";

    CU_ASSERT_EQUAL(hv_snprintf(buf, 0, "hello"), 5);
    CU_ASSERT_STRING_EQUAL(buf, "unused!");
    CU_ASSERT_EQUAL(hv_snprintf(buf, 1, "hello"), 5);
    CU_ASSERT_STRING_EQUAL(buf, "");
    CU_ASSERT_EQUAL(hv_snprintf(buf, sizeof(buf), "%s", "hello, world"), 12);
    CU_ASSERT_STRING_EQUAL(buf, "hello, ");
    CU_ASSERT_EQUAL(hv_snprintf(buf, sizeof(buf), "%p", (void *)0x1234), 16);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"numbers", test_numbers}, {"padding", test_padding}, {"text", test_text},
        {"limits", test_limits},   CU_TEST_INFO_NULL,
    };

    return run_suite("printf", tests);
}

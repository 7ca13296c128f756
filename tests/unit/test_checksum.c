// CRC-32 and XXH64 against published values, at every length and alignment against the
// plain definition.
//
// sources: hypervisor/lib/crc.c hypervisor/lib/xxhash.c
#include <CUnit/Basic.h>
#include <string.h>

#include "lib/crc.h"
#include "lib/xxhash.h"
#include "tests/suite.h"

static struct crc32_table table32;
static uint8_t data[300];

static uint32_t crc_by_bits(const uint8_t *p, size_t len)
{
    uint32_t r = ~0u;

    for (; len > 0; len--, p++) {
        r ^= *p;
        for (int i = 0; i < 8; i++)
            r = r >> 1 ^ (r & 1 ? 0xEDB88320u : 0);
    }
    return ~r;
}

static void test_crc32(void)
{
    CU_ASSERT_EQUAL(crc32(&table32, 0, "123456789", 9), 0xCBF43926u);
    for (size_t i = 0; i < 9; i++)
        for (size_t len = 0; len < 100; len++)
            CU_ASSERT_EQUAL(crc32(&table32, 0, data + i, len), crc_by_bits(data + i, len));
    CU_ASSERT_EQUAL(crc32(&table32, crc32(&table32, 0, data, 77), data + 77, 23),
                    crc32(&table32, 0, data, 100));
}

// Blocks of zeros take a short cut.
static void test_crc32_zeros(void)
{
    static uint8_t zeros[1500];

    for (size_t i = 0; i < sizeof(zeros); i += 31) {
        zeros[700] = i % 3 ? 0 : 0x80;
        CU_ASSERT_EQUAL(crc32(&table32, 0, zeros + i, sizeof(zeros) - i),
                        crc_by_bits(zeros + i, sizeof(zeros) - i));
    }
}

static void test_xxhash64(void)
{
    CU_ASSERT_EQUAL(xxhash64("", 0), 0xEF46DB3751D8E999ull);
    CU_ASSERT_EQUAL(xxhash64("a", 1), 0xD24EC4F1A98C6E5Bull);
    CU_ASSERT_EQUAL(xxhash64("abc", 3), 0x44BC2CF5AD770999ull);
    CU_ASSERT_EQUAL(xxhash64("Nobody inspects the spammish repetition", 39), 0xFBCEA83C8A378BF1ull);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"CRC-32", test_crc32},
        {"CRC-32 of zeros", test_crc32_zeros},
        {"XXH64", test_xxhash64},
        CU_TEST_INFO_NULL,
    };

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * i * 7 + 13);
    crc32_init(&table32);
    return run_suite("checksum", tests);
}

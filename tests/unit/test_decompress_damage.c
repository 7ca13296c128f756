// The decompressors against damaged files: whatever is cut off or flipped, they stay inside their
// buffers (the sanitizers watch), return, and never call wrong content right if a checksum tells.
//
// sources: hypervisor/lib/crc.c hypervisor/lib/xxhash.c hypervisor/lib/inflate.c
// sources: hypervisor/lib/gunzip.c hypervisor/lib/lzma.c hypervisor/lib/lzma2.c
// sources: hypervisor/lib/bcj_x86.c hypervisor/lib/xz.c hypervisor/lib/zstd.c
// sources: hypervisor/lib/zstd_fse.c hypervisor/lib/zstd_huffman.c hypervisor/lib/zstd_sequences.c
// sources: hypervisor/lib/decompress.c
#include <CUnit/Basic.h>

#include "lib/decompress.h"
#include "lib/errno.h"

#include "samples.h"
#include "tests/suite.h"

static uint8_t work[DECOMPRESS_WORK_SIZE];

struct subject {
    const char *command;
    bool checked; // a checksum guards the content
    struct blob content;
    struct blob packed;
};

static struct subject subjects[] = {
    {.command = "gzip -nc", .checked = true},
    {.command = "gzip -c -1 \"$IN\"", .checked = true},
    {.command = "xz -c --check=crc32", .checked = true},
    {.command = "xz -c --check=crc32 --x86 --lzma2", .checked = true},
    {.command = "xz -c -T2 --block-size=400 --check=crc32", .checked = true},
    {.command = "xz -c --check=none"},
    {.command = "zstd -qc", .checked = true},
    {.command = "zstd -qc -19 \"$IN\"", .checked = true},
    {.command = "zstd -qc --no-check"},
};

#define SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

// Text, noise and repetition in a few hundred bytes: every part of the formats is used.
static struct blob make_content(void)
{
    struct blob text = sample_text(500), noise = sample_noise(100, NULL, 256);
    struct blob both = blob_join(text, noise), mixed = sample_mixed(600), all;

    all = blob_join(both, mixed);
    blob_free(&text);
    blob_free(&noise);
    blob_free(&both);
    blob_free(&mixed);
    return all;
}

static void make_subjects(void)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        struct subject *s = &subjects[i];

        s->content = make_content();
        s->packed = pipe_through(s->command, s->content);
        if (strncmp(s->command, "gzip", 4)) { // which says the size by itself
            uint32_t size = (uint32_t)s->content.len;
            struct blob tail = {(uint8_t *)&size, sizeof(size)};
            struct blob joined = blob_join(s->packed, tail);

            blob_free(&s->packed);
            s->packed = joined;
        }
    }
}

static void free_subjects(void)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        blob_free(&subjects[i].content);
        blob_free(&subjects[i].packed);
    }
}

// Decodes `packed`, which is not what the subject was packed to. Returns whether the outcome is one
// that may be: an error of decompress()'s list, or the right content all the same.
static bool is_sane(const struct subject *s, struct blob packed)
{
    size_t room = s->content.len + 100, len = ~0ul, size;
    uint8_t *out = malloc(room);
    int ret = decompress(packed.data, packed.len, out, room, &len, work, sizeof(work));
    bool sane = ret == -EINVAL || ret == -ENOSPC || ret == -EOPNOTSUPP;

    if (ret == 0 && !s->checked)
        sane = len <= room;
    else if (ret == 0)
        sane = len == s->content.len && !memcmp(out, s->content.data, len);
    decompress_size(packed.data, packed.len, &size);
    free(out);
    return sane;
}

static void test_untouched(void)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        struct subject *s = &subjects[i];
        uint8_t *out = malloc(s->content.len);
        size_t len = 0;

        CU_ASSERT_EQUAL(decompress(s->packed.data, s->packed.len, out, s->content.len, &len, work,
                                   sizeof(work)),
                        0);
        CU_ASSERT(len == s->content.len && !memcmp(out, s->content.data, len));
        free(out);
    }
}

// A cut file is never right.
static void test_truncated(void)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        struct subject *s = &subjects[i];
        unsigned accepted = 0;

        for (size_t len = 0; len < s->packed.len; len++) {
            struct blob cut = blob_copy(s->packed.data, len);
            uint8_t *out = malloc(s->content.len);
            size_t out_len;
            int ret = decompress(cut.data, len, out, s->content.len, &out_len, work, sizeof(work));

            if (ret == 0)
                accepted++;
            else
                CU_ASSERT(ret == -EINVAL || (ret == -EOPNOTSUPP && len < 6));
            free(out);
            blob_free(&cut);
        }
        CU_ASSERT_EQUAL(accepted, 0);
    }
}

static void test_bit_flips(void)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        struct subject *s = &subjects[i];
        struct blob bad = blob_copy(s->packed.data, s->packed.len);

        for (size_t bit = 0; bit < bad.len * 8; bit++) {
            bad.data[bit / 8] ^= 1 << bit % 8;
            CU_ASSERT(is_sane(s, bad));
            bad.data[bit / 8] ^= 1 << bit % 8;
        }
        blob_free(&bad);
    }
}

static void test_byte_values(void)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};

    for (size_t i = 0; i < SUBJECTS; i++) {
        struct subject *s = &subjects[i];
        struct blob bad = blob_copy(s->packed.data, s->packed.len);

        for (size_t at = 0; at < bad.len; at++) {
            uint8_t was = bad.data[at];

            for (size_t v = 0; v < sizeof(values); v++) {
                bad.data[at] = values[v];
                CU_ASSERT(is_sane(s, bad));
            }
            bad.data[at] = was;
        }
        blob_free(&bad);
    }
}

// Bytes taken out, put in twice, and runs of rubbish, at random places.
static void test_mangled(void)
{
    uint32_t random = 2463534242u;

    for (size_t i = 0; i < SUBJECTS; i++) {
        struct subject *s = &subjects[i];

        for (int round = 0; round < 1500; round++) {
            size_t len = s->packed.len, at = sample_random(&random) % len;
            size_t n = 1 + sample_random(&random) % 8 % (len - at), tail = len - at - n;
            bool more = sample_random(&random) & 1;
            struct blob bad = {malloc(more ? len + n : len - n), more ? len + n : len - n};

            memcpy(bad.data, s->packed.data, at + (more ? n : 0));
            memcpy(bad.data + at + (more ? n : 0), s->packed.data + at + (more ? 0 : n),
                   tail + (more ? n : 0));
            if (more && round % 2)
                for (size_t k = at; k < at + n; k++)
                    bad.data[k] = (uint8_t)sample_random(&random);
            CU_ASSERT(is_sane(s, bad));
            blob_free(&bad);
        }
    }
}

// Headers that announce more than there is.
static void test_announced_sizes(void)
{
    // A zstd frame that says it holds 2^63 bytes, one block of which is there.
    static const uint8_t huge_frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0,  0,
                                         0,    0,    0,    0x80, 9,    0, 0, 'x'};
    uint8_t out[16];
    size_t len;

    CU_ASSERT_EQUAL(
        decompress(huge_frame, sizeof(huge_frame), out, sizeof(out), &len, work, sizeof(work)),
        -ENOSPC);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"untouched, for comparison", test_untouched},
        {"cut off at every length", test_truncated},
        {"every bit flipped", test_bit_flips},
        {"every byte replaced", test_byte_values},
        {"bytes lost and added", test_mangled},
        {"sizes announced but not there", test_announced_sizes},
        CU_TEST_INFO_NULL,
    };
    int failed;

    make_subjects();
    failed = run_suite("damaged files", tests);
    free_subjects();
    return failed;
}

// The decompressors against what the real gzip, xz and zstd make of many kinds of data.
// sources: hypervisor/lib/crc.c hypervisor/lib/xxhash.c hypervisor/lib/inflate.c
// sources: hypervisor/lib/gunzip.c hypervisor/lib/lzma.c hypervisor/lib/lzma2.c
// sources: hypervisor/lib/bcj_x86.c hypervisor/lib/xz.c hypervisor/lib/zstd.c
// sources: hypervisor/lib/zstd_fse.c hypervisor/lib/zstd_huffman.c hypervisor/lib/zstd_sequences.c
// sources: hypervisor/lib/decompress.c hypervisor/lib/bzimage.c
#include <CUnit/Basic.h>

#include "lib/bzimage.h"
#include "lib/decompress.h"
#include "lib/errno.h"

#include "samples.h"
#include "tests/suite.h"

static uint8_t work[DECOMPRESS_WORK_SIZE];

// True if `packed` decodes to `want`, into a buffer of just that size.
static bool decodes_to(struct blob packed, struct blob want)
{
    uint8_t *out = malloc(want.len);
    size_t len = ~0ul;
    int ret = decompress(packed.data, packed.len, out, want.len, &len, work, sizeof(work));
    bool same = ret == 0 && len == want.len && !memcmp(out, want.data, len);

    if (!same)
        fprintf(stderr, "\n  decompress: %d, %zu bytes of %zu", ret, len, want.len);
    free(out);
    return same;
}

// What the command makes of the sample, as Linux's build leaves it: with the size of the sample
// behind it, which gzip has by itself.
static struct blob pack(const char *command, struct blob sample)
{
    struct blob packed = pipe_through(command, sample), joined;
    uint32_t size = (uint32_t)sample.len;
    struct blob tail = {(uint8_t *)&size, sizeof(size)};

    if (!strncmp(command, "gzip", 4))
        return packed;
    joined = blob_join(packed, tail);
    blob_free(&packed);
    return joined;
}

static bool announces(struct blob packed, size_t size)
{
    size_t said = 0;

    return !decompress_size(packed.data, packed.len, &said) && said == size;
}

static bool survives(const char *command, struct blob sample)
{
    struct blob packed = pack(command, sample);
    bool ok = decodes_to(packed, sample) && announces(packed, sample.len);

    if (!ok)
        fprintf(stderr, "\n  failed: %s of %zu bytes\n", command, sample.len);
    blob_free(&packed);
    return ok;
}

// Small ones, and BIG: one of all kinds of data, one after the other.
enum { EMPTY, BYTE, LINES, TEXT, NOISE, BIG, SAMPLES };

static struct blob samples[SAMPLES];

static void append(struct blob *to, struct blob more)
{
    struct blob joined = blob_join(*to, more);

    blob_free(to);
    blob_free(&more);
    *to = joined;
}

static void make_samples(void)
{
    static const uint8_t branches[] = {0xe8, 0xe9, 0x00, 0xff, 0x00, 0xff, 0x0f, 0x12};

    samples[EMPTY] = sample_noise(0, NULL, 256);
    samples[BYTE] = sample_noise(1, NULL, 256);
    samples[LINES] = sample_text(300);
    samples[TEXT] = sample_text(100000);
    samples[NOISE] = sample_noise(70000, NULL, 256);
    samples[BIG] = blob_join(samples[TEXT], samples[NOISE]);
    append(&samples[BIG], sample_file("/proc/self/exe"));
    samples[BIG].len = 500000; // the rest of the program is debug information
    append(&samples[BIG], sample_noise(60000, NULL, 3));
    append(&samples[BIG], sample_mixed(400000));
    append(&samples[BIG], sample_noise(60000, branches, sizeof(branches)));
}

static void check(const char *command)
{
    CU_ASSERT(survives(command, samples[BIG]));
}

static void check_all(const char *command)
{
    for (int i = 0; i < SAMPLES; i++)
        CU_ASSERT(survives(command, samples[i]));
}

static void check_levels(const char *format, int first, int last)
{
    char command[100];

    for (int level = first; level <= last; level++) {
        snprintf(command, sizeof(command), format, level);
        check(command);
    }
}

static void test_gzip(void)
{
    check_levels("gzip -c -%d", 1, 9);
    check_all("gzip -c \"$IN\""); // with a name in the header
}

static void test_xz_levels(void)
{
    check_levels("xz -c --check=crc32 -%d", 0, 9);
    check("xz -c --check=crc32 -9e");
}

static void test_xz_checks(void)
{
    check("xz -c --check=none");
    check_all("xz -c --check=crc32");
}

static void test_xz_properties(void)
{
    check("xz -c --check=crc32 --lzma2=lc=0,lp=4,pb=0");
    check("xz -c --check=crc32 --lzma2=lc=4,lp=0,pb=4");
    check("xz -c --check=crc32 --lzma2=lc=1,lp=3,pb=3,mode=fast,mf=hc4,nice=10");
    check("xz -c --check=crc32 --lzma2=dict=4KiB");
}

static void test_xz_x86(void)
{
    check_all("xz -c --check=crc32 --x86 --lzma2=preset=6,dict=32MiB"); // as Linux's build does
    check("xz -c --check=crc32 --x86=start=4096 --lzma2");
    check("xz -c --check=crc32 --x86 --lzma2=preset=0 --block-size=5001");
}

static void test_xz_blocks(void)
{
    check("xz -c --check=crc32 --block-size=70001");
    check_all(
        "xz -c --check=crc32 -T2 --block-size=65536 --check=crc32"); // sizes in the block headers
    check("xz -c --check=crc32 --flush-timeout=1");
}

static void test_zstd_levels(void)
{
    check_levels("zstd -qc -%d", 1, 19);
    check("zstd -qc --ultra -22");
    check_levels("zstd -qc --fast=%d", 1, 5);
}

static void test_zstd_options(void)
{
    check_all("zstd -qc \"$IN\""); // with the content's size
    check_all("zstd -qc --no-check");
    check("zstd -qc --long=27 -19");
    check("zstd -qc --no-compress-literals");
    check("zstd -qc --zstd=wlog=10,clog=10,hlog=10,slog=3,mml=3,tlen=8,strat=7");
    check("zstd -qc -T2 -B65536 --rsyncable");
}

static void test_zeros(void)
{
    struct blob zeros = {calloc(64, 1 << 20), 64 << 20};

    CU_ASSERT(survives("gzip -c -1", zeros));
    CU_ASSERT(survives("gzip -c -9", zeros));
    CU_ASSERT(survives("xz -c --check=crc32 -0", zeros));
    CU_ASSERT(survives("zstd -qc -1", zeros));
    CU_ASSERT(survives("zstd -qc -19", zeros));
    blob_free(&zeros);
}

// The size at the end is the result's, or the file is damaged.
static void check_trailer(const char *command)
{
    struct blob packed = pack(command, samples[TEXT]), shorter = {packed.data, packed.len - 4};
    uint8_t *out = malloc(samples[TEXT].len);
    size_t len;

    packed.data[packed.len - 4]++;
    CU_ASSERT_EQUAL(
        decompress(packed.data, packed.len, out, samples[TEXT].len, &len, work, sizeof(work)),
        -EINVAL);
    CU_ASSERT_EQUAL(
        decompress(shorter.data, shorter.len, out, samples[TEXT].len, &len, work, sizeof(work)),
        -EINVAL);
    blob_free(&packed);
    free(out);
}

static void test_trailers(void)
{
    check_trailer("gzip -c");
    check_trailer("xz -c --check=crc32");
    check_trailer("zstd -qc");
}

static void check_small_buffers(const char *command, struct blob sample)
{
    struct blob packed = pack(command, sample);

    for (size_t room = 0; room < sample.len; room += 1 + room / 50) {
        uint8_t *out = malloc(room);
        size_t len;

        CU_ASSERT_EQUAL(decompress(packed.data, packed.len, out, room, &len, work, sizeof(work)),
                        -ENOSPC);
        free(out);
    }
    blob_free(&packed);
}

static void test_small_buffers(void)
{
    static const char *const commands[] = {"gzip -c", "xz -c --check=crc32", "zstd -qc",
                                           "zstd -qc \"$IN\""};
    uint8_t out[8];
    size_t len;

    for (size_t i = 0; i < 4; i++)
        for (int sample = BYTE; sample < BIG; sample++)
            check_small_buffers(commands[i], samples[sample]);
    CU_ASSERT_EQUAL(decompress("\x1f\x8b.......", 9, out, 8, &len, work, sizeof(work) - 1),
                    -ENOMEM);
}

static void test_other_formats(void)
{
    static const struct {
        const char *name, *command;
        enum decompress_format format;
    } others[] = {
        {"lzma", "xz -c --format=lzma", DECOMPRESS_LZMA},
        {"lzo", "printf '\\211LZO\\0\\r\\n'", DECOMPRESS_LZO},
        {"lz4", "printf '\\002\\041\\114\\030abc'", DECOMPRESS_LZ4},
        {"bzip2", "printf BZh9abc", DECOMPRESS_BZIP2},
        {"unknown", "printf '\\177ELF'", DECOMPRESS_UNKNOWN},
        {"unknown", "true", DECOMPRESS_UNKNOWN},
        {"xz", "xz -c --check=sha256", DECOMPRESS_XZ},
        {"xz", "xz -c --check=crc64", DECOMPRESS_XZ},
        {"xz", "xz -c --check=crc32 --delta --lzma2", DECOMPRESS_XZ},
        {"xz", "xz -c --check=crc32 --arm --lzma2", DECOMPRESS_XZ},
        {"xz", "xz -c --check=crc32 --x86 --x86 --lzma2", DECOMPRESS_XZ},
    };
    uint8_t *out = malloc(samples[TEXT].len);
    size_t len;

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct blob packed = pipe_through(others[i].command, samples[TEXT]);
        enum decompress_format format = decompress_detect(packed.data, packed.len);

        CU_ASSERT_EQUAL(format, others[i].format);
        CU_ASSERT_STRING_EQUAL(decompress_format_name(format), others[i].name);
        CU_ASSERT_EQUAL(
            decompress(packed.data, packed.len, out, samples[TEXT].len, &len, work, sizeof(work)),
            -EOPNOTSUPP);
        blob_free(&packed);
    }
    free(out);
}

// A dictionary with an ID is refused; a raw one, of which the frame says nothing, shows as damage.
static void test_zstd_dictionary(void)
{
    struct blob named =
        pack("D=$(mktemp); S=$(mktemp -d); split -b 100 \"$IN\" $S/s; "
             "zstd -q --train -f --maxdict=4096 -o $D $S/s*; zstd -qc -D $D; rm -r $S $D",
             samples[TEXT]);
    struct blob raw = pack("zstd -qc -D \"$IN\"", samples[TEXT]);
    uint8_t *out = malloc(samples[TEXT].len);
    size_t len;

    CU_ASSERT_EQUAL(
        decompress(named.data, named.len, out, samples[TEXT].len, &len, work, sizeof(work)),
        -EOPNOTSUPP);
    CU_ASSERT_EQUAL(decompress(raw.data, raw.len, out, samples[TEXT].len, &len, work, sizeof(work)),
                    -EINVAL);
    blob_free(&named);
    blob_free(&raw);
    free(out);
}

// The real thing, where VMLINUZ names it.
static void test_kernel(void)
{
    const char *path = getenv("VMLINUZ");
    struct blob image, want, payload;
    const void *start;
    size_t size;

    image = sample_file(path);
    CU_ASSERT_EQUAL_FATAL(bzimage_payload(image.data, image.len, &start, &payload.len), 0);
    payload = blob_copy(start, payload.len);
    CU_ASSERT_EQUAL_FATAL(decompress_size(payload.data, payload.len, &size), 0);
    want =
        pipe_through("head -c -4 | xz -dc 2>/dev/null || head -c -4 <$IN | zstd -dc 2>/dev/null || "
                     "gzip -dc <$IN",
                     payload);
    CU_ASSERT_EQUAL(size, want.len);
    CU_ASSERT(decodes_to(payload, want));
    blob_free(&image);
    blob_free(&want);
    blob_free(&payload);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"gzip, all levels", test_gzip},
        {"xz, all levels", test_xz_levels},
        {"xz checks", test_xz_checks},
        {"xz literal and position bits", test_xz_properties},
        {"xz x86 filter", test_xz_x86},
        {"xz blocks", test_xz_blocks},
        {"zstd, all levels", test_zstd_levels},
        {"zstd options", test_zstd_options},
        {"64 MB of zeros", test_zeros},
        {"the size behind the data", test_trailers},
        {"output buffers too small", test_small_buffers},
        {"formats and variants refused", test_other_formats},
        {"zstd dictionaries refused", test_zstd_dictionary},
        {"Debian's kernel", test_kernel},
        CU_TEST_INFO_NULL,
    };
    int failed;

    without_kernel(tests);
    make_samples();
    failed = run_suite("decompress", tests);
    for (int i = 0; i < SAMPLES; i++)
        blob_free(&samples[i]);
    return failed;
}

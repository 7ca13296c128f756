// The interrupt controllers of the PC, against the 8259A's manual: each test is a script of
// accesses, lines and acknowledge cycles with what must come of them.
//
// sources: hypervisor/hvm/platform/pic.c
#include <string.h>

#include "hvm/platform/pic.h"
#include "tests/suite.h"

enum what { END, W, R, LINES, INTR, ACK };
struct step {
    enum what what;
    unsigned at, value; // W: written; R, INTR, ACK: expected; LINES: all that are up
};

// As a BIOS does: vectors from 0x08 and 0x70, everything let through.
#define SET_UP                                                                           \
    {W, 0x20, 0x11}, {W, 0x21, 0x08}, {W, 0x21, 0x04}, {W, 0x21, 0x01}, {W, 0xa0, 0x11}, \
        {W, 0xa1, 0x70}, {W, 0xa1, 0x02}, {W, 0xa1, 0x01}, {W, 0x21, 0},                 \
    {                                                                                    \
        W, 0xa1, 0                                                                       \
    }

static struct pic pic;

static void run(const struct step *s)
{
    pic_init(&pic);
    for (unsigned n = 0; s->what != END; s++, n++) {
        unsigned got = s->value;

        if (s->what == W)
            pic_write(&pic, s->at, (uint8_t)s->value);
        else if (s->what == R)
            got = pic_read(&pic, s->at);
        else if (s->what == LINES)
            pic_set_lines(&pic, (uint16_t)s->value);
        else if (s->what == INTR)
            got = pic_output(&pic);
        else
            got = pic_acknowledge(&pic);
        if (got != s->value)
            printf("step %u: %#x, not %#x\n", n, got, s->value);
        CU_ASSERT_EQUAL(got, s->value);
    }
}

#define SCRIPT(name, ...)                                               \
    static void name(void)                                              \
    {                                                                   \
        static const struct step script[] = {__VA_ARGS__, {END, 0, 0}}; \
                                                                        \
        run(script);                                                    \
    }

// clang-format off
SCRIPT(test_priority, SET_UP,
    {INTR, 0, 0}, {LINES, 0, 1 << 4}, {INTR, 0, 1}, {LINES, 0, 1 << 4 | 1 << 1},
    {R, 0x20, 0x12}, {ACK, 0, 9},                       // line 1 goes first
    {INTR, 0, 0}, {W, 0x20, 0x0b}, {R, 0x20, 0x02}, {W, 0x20, 0x0a}, {R, 0x20, 0x10},
    {W, 0x20, 0x20}, {INTR, 0, 1}, {ACK, 0, 12},
    {LINES, 0, 1 << 4 | 1 << 1}, {INTR, 0, 0},          // no new edge
    {LINES, 0, 1 << 4}, {LINES, 0, 1 << 4 | 1 << 1}, {INTR, 0, 1}, {ACK, 0, 9}, // nested
    {W, 0x20, 0x0b}, {R, 0x20, 0x12}, {W, 0x20, 0x64}, {R, 0x20, 0x02}, // specific: line 4
    {W, 0x20, 0x20}, {R, 0x20, 0})

SCRIPT(test_mask, SET_UP,
    {W, 0x21, 0x02}, {R, 0x21, 0x02}, {LINES, 0, 2}, {INTR, 0, 0}, {R, 0x20, 2},
    {W, 0x21, 0}, {INTR, 0, 1}, {LINES, 0, 0}, {INTR, 0, 0}, // the request goes with its line
    {ACK, 0, 15}, {W, 0x20, 0x0b}, {R, 0x20, 0})             // spurious, not in service

SCRIPT(test_cascade, SET_UP,
    {LINES, 0, 1 << 10}, {INTR, 0, 1}, {R, 0x20, 4}, {R, 0xa0, 4}, {ACK, 0, 0x72},
    {W, 0x20, 0x0b}, {W, 0xa0, 0x0b}, {R, 0x20, 4}, {R, 0xa0, 4},
    {LINES, 0, 1 << 10 | 1 << 8}, {INTR, 0, 0},              // its own chip in service holds it back
    {LINES, 0, 1 << 10 | 1 << 8 | 1 << 3}, {INTR, 0, 0}, {LINES, 0, 1 << 10 | 1 << 8 | 1},
    {ACK, 0, 8}, {W, 0x20, 0x20}, {W, 0xa0, 0x20}, {INTR, 0, 0}, {W, 0x20, 0x20}, {INTR, 0, 1},
    {ACK, 0, 0x70}, {W, 0xa0, 0x20}, {W, 0x20, 0x20},
    {LINES, 0, 1 << 2}, {INTR, 0, 0},                        // line 2 is the second chip's alone
    {LINES, 0, 1 << 9}, {W, 0xa1, 0xff}, {INTR, 0, 0}, {W, 0xa1, 0}, {INTR, 0, 1},
    {W, 0x21, 0x04}, {INTR, 0, 0})

SCRIPT(test_fully_nested,
    {W, 0x20, 0x11}, {W, 0x21, 0x20}, {W, 0x21, 0x04}, {W, 0x21, 0x11},
    {W, 0xa0, 0x11}, {W, 0xa1, 0x28}, {W, 0xa1, 0x02}, {W, 0xa1, 0x01},
    {LINES, 0, 1 << 12}, {ACK, 0, 0x2c}, {LINES, 0, 1 << 12 | 1 << 9}, {INTR, 0, 1},
    {ACK, 0, 0x29}, {LINES, 0, 1 << 12 | 1 << 9 | 1 << 3}, {INTR, 0, 0}, {LINES, 0, 1 << 9 | 2},
    {INTR, 0, 1})

SCRIPT(test_auto_eoi,
    {W, 0x20, 0x13}, {W, 0x21, 0x40}, {W, 0x21, 0x03},       // alone: ICW3 is left out
    {LINES, 0, 3}, {ACK, 0, 0x40}, {W, 0x20, 0x0b}, {R, 0x20, 0}, {ACK, 0, 0x41}, {INTR, 0, 0},
    {W, 0x20, 0x80}, {LINES, 0, 0}, {LINES, 0, 3}, {ACK, 0, 0x40}, {LINES, 0, 2}, {LINES, 0, 3},
    {ACK, 0, 0x41}, {ACK, 0, 0x40},                          // rotating: 0 is last now
    {W, 0x20, 0x10}, {W, 0x21, 0x4f}, {W, 0x21, 4},          // no ICW4: no automatic end
    {LINES, 0, 0}, {LINES, 0, 1}, {ACK, 0, 0x48}, {W, 0x20, 0x0b}, {R, 0x20, 1})

SCRIPT(test_rotation, SET_UP,
    {W, 0x20, 0xc3}, {LINES, 0, 1 << 3 | 1 << 4}, {ACK, 0, 12},  // 3 is lowest, 4 highest
    {W, 0x20, 0xa0}, {INTR, 0, 1}, {ACK, 0, 11},                 // rotate: 4 is lowest
    {LINES, 0, 0}, {LINES, 0, 1 << 4}, {INTR, 0, 0}, {LINES, 0, 1 << 4 | 1 << 5}, {INTR, 0, 1},
    {ACK, 0, 13}, {W, 0x20, 0xe5}, {W, 0x20, 0x0b}, {R, 0x20, 1 << 3},
    {W, 0x20, 0x20}, {ACK, 0, 12})

SCRIPT(test_special_mask, SET_UP,
    {LINES, 0, 1 << 1}, {ACK, 0, 9}, {LINES, 0, 1 << 1 | 1 << 5}, {INTR, 0, 0},
    {W, 0x20, 0x68}, {W, 0x21, 0x02}, {INTR, 0, 1}, {ACK, 0, 13}, {W, 0x20, 0x20},
    {W, 0x20, 0x0b}, {R, 0x20, 0x02},                            // the masked one is not ended
    {W, 0x20, 0x48}, {W, 0x20, 0x20}, {R, 0x20, 0})

SCRIPT(test_level, SET_UP,
    {W, 0x4d0, 0xff}, {R, 0x4d0, 0xf8}, {W, 0x4d1, 0xff}, {R, 0x4d1, 0xde},
    {LINES, 0, 1 << 11}, {ACK, 0, 0x73}, {W, 0xa0, 0x20}, {W, 0x20, 0x20}, {INTR, 0, 1},
    {LINES, 0, 0}, {INTR, 0, 0}, {LINES, 0, 1 << 11},
    {W, 0xa0, 0x11}, {W, 0xa1, 0x70}, {W, 0xa1, 2}, {W, 0xa1, 1}, {INTR, 0, 1}, // outlives ICW1
    {LINES, 0, 1 << 8}, {W, 0xa0, 0x11}, {W, 0xa1, 0x70}, {W, 0xa1, 2}, {W, 0xa1, 1},
    {INTR, 0, 0})                                                // an edge does not

SCRIPT(test_poll, SET_UP,
    {W, 0x20, 0x0c}, {R, 0x20, 0}, {LINES, 0, 1 << 6}, {W, 0x20, 0x0c}, {R, 0x20, 0x86},
    {R, 0x20, 0}, {W, 0x20, 0x0b}, {R, 0x20, 1 << 6}, {INTR, 0, 0})
// clang-format on

static void test_record(void)
{
    static const struct {
        unsigned chip, offset;
        uint8_t value;
    } bad[] = {{0, 3, 0x09}, {0, 6, 0x04}, {1, 6, 0x21}, {0, 4, 0x80}, {1, 4, 0x04}};
    struct hvm_hw_vpic s[2], again;
    struct pic other;

    test_cascade();
    pic_init(&other);
    for (unsigned i = 0; i < 2; i++) {
        pic_save(&pic, i, &s[i]);
        CU_ASSERT(!pic_load(&other, !i, &s[i], false)); // master and slave
        CU_ASSERT(pic_load(&other, i, &s[i], true));
    }
    pic_adopt_lines(&other, 1 << 9);
    for (unsigned i = 0; i < 2; i++) {
        pic_save(&other, i, &again);
        CU_ASSERT_EQUAL(memcmp(&again, &s[i], sizeof(again)), 0);
    }
    pic_write(&other, 0x21, 0);
    CU_ASSERT_EQUAL(pic_acknowledge(&other), 0x71);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        again = s[bad[i].chip];
        ((uint8_t *)&again)[bad[i].offset] = bad[i].value;
        CU_ASSERT(!pic_load(&other, bad[i].chip, &again, false));
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"priority", test_priority},
        {"mask", test_mask},
        {"cascade", test_cascade},
        {"special fully nested mode", test_fully_nested},
        {"automatic end of interrupt", test_auto_eoi},
        {"rotation", test_rotation},
        {"special mask mode", test_special_mask},
        {"level", test_level},
        {"poll", test_poll},
        {"record", test_record},
        CU_TEST_INFO_NULL,
    };

    return run_suite("PIC", tests);
}

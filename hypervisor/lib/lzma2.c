// LZMA2: LZMA cut into chunks of at most 64 KB in and 2 MB out, each with a control byte that says
// whether it is coded or stored, and what is reset before it:
//   0x00            end
//   0x01, 0x02      stored; 0x01 begins a new dictionary
//   0x80 | reset<<5 LZMA; 1: the state is reset, 2: with new properties, 3: with a new dictionary
#include "lib/lzma.h"

#include "lib/errno.h"
#include "lib/string.h"

#define CHUNK_STORED_RESET 0x01
#define CHUNK_STORED       0x02
#define CHUNK_LZMA         0x80
#define RESET_STATE        1
#define RESET_PROPERTIES   2
#define RESET_DICTIONARY   3

// What a stream must do before it may go on.
struct requirements {
    bool dictionary;
    bool properties;
};

static int stored_chunk(struct byte_reader *in, struct byte_writer *dict)
{
    const uint8_t *header = bytes_take(in, 2);
    const uint8_t *data;
    size_t size;

    if (!header)
        return -EINVAL;
    size = ((size_t)header[0] << 8 | header[1]) + 1;
    data = bytes_take(in, size);
    if (!data)
        return -EINVAL;
    if (size > bytes_free(dict))
        return -ENOSPC;
    memcpy(dict->at, data, size);
    dict->at += size;
    return 0;
}

static int lzma_chunk(struct lzma *l, uint8_t control, struct byte_reader *in,
                      struct byte_writer *dict, struct requirements *need)
{
    unsigned reset = control >> 5 & 3;
    const uint8_t *header = bytes_take(in, reset >= RESET_PROPERTIES ? 5 : 4);
    const uint8_t *data;
    size_t size, packed;

    if (!header)
        return -EINVAL;
    size = ((size_t)(control & 0x1f) << 16 | (size_t)header[0] << 8 | header[1]) + 1;
    packed = ((size_t)header[2] << 8 | header[3]) + 1;
    if (reset >= RESET_PROPERTIES) {
        if (lzma_set_properties(l, header[4]))
            return -EINVAL;
        need->properties = false;
    }
    if (need->properties)
        return -EINVAL;
    if (reset >= RESET_STATE)
        lzma_reset(l);
    data = bytes_take(in, packed);
    if (!data || bytes_left(in) < LZMA_READ_AHEAD)
        return -EINVAL;
    if (size > bytes_free(dict))
        return -ENOSPC;
    return lzma_decode_chunk(l, data, in->at, dict, size);
}

int lzma2_decode(struct lzma *l, struct byte_reader *in, struct byte_writer *out)
{
    struct byte_writer dict = *out; // its start is the dictionary's
    struct requirements need = {true, true};
    int ret = 0;

    while (!ret) {
        const uint8_t *control = bytes_take(in, 1);

        if (!control)
            return -EINVAL;
        if (*control == 0)
            break;
        if (*control == CHUNK_STORED_RESET ||
            *control >> 5 == (CHUNK_LZMA >> 5 | RESET_DICTIONARY)) {
            dict.start = dict.at;
            need = (struct requirements){false, true};
        }
        if (need.dictionary)
            return -EINVAL;
        if (*control & CHUNK_LZMA)
            ret = lzma_chunk(l, *control, in, &dict, &need);
        else if (*control <= CHUNK_STORED)
            ret = stored_chunk(in, &dict);
        else
            return -EINVAL;
    }
    out->at = dict.at;
    return ret;
}

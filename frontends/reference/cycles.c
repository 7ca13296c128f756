// Connects to a device and lets go of it again and again, which must cost neither side anything.
#include "frontends/block/blkfront.h"
#include "frontends/kernel/grants.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "frontends/net/netfront.h"
#include "frontends/reference/shell.h"

// A connection, and something that passes through it.

static int block_once(unsigned handle)
{
    static struct blkfront block;
    struct block_request r = {.operation = BLKIF_OP_READ, .sectors = PAGE_SIZE / BLOCK_SECTOR};
    int error = blkfront_open(&block, handle, NULL);

    if (error)
        return error;
    r.data = page_alloc();
    error = r.data ? blkfront_do(&block, &r) : -XEN_ENOMEM;
    blkfront_close(&block);
    if (r.data && !r.stuck)
        page_free(r.data);
    return error;
}

static int net_once(unsigned handle)
{
    static struct netfront net;
    uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    int error = netfront_open(&net, handle, NULL);

    if (error)
        return error;
    memcpy(frame + 6, net.mac, 6);
    frame[12] = 0x88; // of a type that nobody takes
    frame[13] = 0xb5;
    error = netfront_send_wait(&net, frame, sizeof(frame));
    netfront_close(&net);
    return error;
}

COMMAND(
    cycles, "block|net HANDLE COUNT",
    "connects to device/vbd/HANDLE or device/vif/HANDLE, uses it once and closes, so many times")
{
    bool is_block = nr_words > 3 && !strcmp(words[1], "block");
    int (*once)(unsigned) = is_block ? block_once : net_once;
    unsigned handle = (unsigned)word_number(nr_words, words, 2, 0), pages, grants;
    uint64_t count = word_number(nr_words, words, 3, 0), done;
    int error;

    if (nr_words < 4 || (!is_block && strcmp(words[1], "net")))
        return -XEN_EINVAL;
    error = once(handle); // what stays with the heap is there from now on
    pages = pages_left();
    grants = grants_in_use();
    for (done = 0; done < count && !error; done++)
        error = once(handle);
    print("cycles: %lu of %lu, pages %u, then %u, grants %u, then %u\n", done, count, pages,
          pages_left(), grants, grants_in_use());
    if (error)
        return error;
    return pages_left() + 1 < pages || grants_in_use() > grants ? -XEN_ENOMEM : 0;
}

// How the pages of a request get to the back end: granted for it alone, or copied through pages of
// a pool whose grants stay, so that the back end can keep them mapped.
#include "frontends/block/blkfront.h"
#include "frontends/kernel/grants.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"

static bool is_write(const struct block_request *r)
{
    return r->operation != BLKIF_OP_READ;
}

static char *data_page(const struct block_request *r, unsigned i)
{
    return (char *)r->data + i * PAGE_SIZE;
}

static size_t data_bytes(const struct block_request *r, unsigned i)
{
    return MIN(r->sectors * BLOCK_SECTOR - i * PAGE_SIZE, PAGE_SIZE);
}

// From the pool

static bool is_data(const struct block_request *r, unsigned i)
{
    return i * PAGE_SIZE < r->sectors * BLOCK_SECTOR;
}

static int borrow(struct blkfront *b, struct block_request *r, unsigned n)
{
    if (n > BLOCK_POOL_PAGES)
        return -XEN_EINVAL;
    BLKFRONT_WAIT(b, b->pool_free >= n);
    if (b->broken)
        return -XEN_EIO;
    for (; r->nr_pages < n; r->nr_pages++) {
        unsigned i = r->nr_pages;

        r->pages[i] = b->pool[--b->pool_free];
        if (is_write(r) && is_data(r, i))
            memcpy(r->pages[i].page, data_page(r, i), data_bytes(r, i));
    }
    return 0;
}

static void give_back(struct blkfront *b, struct block_request *r)
{
    for (unsigned i = 0; i < r->nr_pages; i++) {
        if (!is_write(r) && !r->error && is_data(r, i))
            memcpy(data_page(r, i), r->pages[i].page, data_bytes(r, i));
        b->pool[b->pool_free++] = r->pages[i];
    }
}

// By grants of its own

static int grant(struct blkfront *b, struct block_request *r, unsigned nr_data, bool indirect)
{
    for (; r->nr_pages < nr_data + indirect; r->nr_pages++) {
        struct block_page *p = &r->pages[r->nr_pages];
        bool of_segments = r->nr_pages == nr_data;

        p->page = of_segments ? page_alloc() : data_page(r, r->nr_pages);
        p->ref =
            p->page ? grant_page(b->device.backend_id, p->page, of_segments || is_write(r)) : 0;
        if (p->ref)
            continue;
        if (of_segments && p->page)
            page_free(p->page);
        return -XEN_ENOMEM;
    }
    return 0;
}

static void end_grants(struct block_request *r)
{
    for (unsigned i = 0; i < r->nr_pages; i++) {
        bool ended = grant_end(r->pages[i].ref);

        if (is_data(r, i))
            r->stuck |= !ended;
        else if (ended)
            page_free(r->pages[i].page);
    }
}

int blkfront_take_pages(struct blkfront *b, struct block_request *r, unsigned nr_data,
                        bool indirect)
{
    int error;

    r->nr_pages = 0;
    r->stuck = false;
    error = b->persistent ? borrow(b, r, nr_data + indirect) : grant(b, r, nr_data, indirect);
    if (error)
        blkfront_give_pages(b, r);
    return error;
}

void blkfront_give_pages(struct blkfront *b, struct block_request *r)
{
    if (b->persistent)
        give_back(b, r);
    else
        end_grants(r);
    r->nr_pages = 0;
}

bool blkfront_make_pool(struct blkfront *b)
{
    for (; b->pool_free < BLOCK_POOL_PAGES; b->pool_free++) {
        struct block_page *p = &b->pool[b->pool_free];

        p->page = page_alloc();
        p->ref = p->page ? grant_page(b->device.backend_id, p->page, false) : 0;
        if (p->ref)
            continue;
        if (p->page)
            page_free(p->page);
        break;
    }
    return b->pool_free > BLOCK_PAGES_MOST; // less is enough, if it is enough for any request
}

void blkfront_end_pool(struct blkfront *b)
{
    unsigned lost = 0;

    while (b->pool_free) {
        struct block_page *p = &b->pool[--b->pool_free];

        if (grant_end(p->ref))
            page_free(p->page);
        else
            lost++;
    }
    if (lost)
        print("%s: the back end has %u pages mapped still, which are lost\n", b->device.path, lost);
}

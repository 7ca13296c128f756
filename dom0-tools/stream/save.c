// Saving a guest. While it runs (live), first everything is sent, then again and again what it
// has written meanwhile, until little is left, or not less than the last time; then it is
// suspended, and what is left goes, with the state of its vCPUs.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "stream/record.h"
#include "stream/save.h"

#define LIVE_ROUNDS 5
#define FEW_FRAMES  50 // not worth a round of their own

static int shadow_op(struct saver *saver, uint32_t which, uint32_t mode, bool read)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_shadow_op, .domain = saver->s->domain};

    op.u.shadow_op.op = which;
    op.u.shadow_op.mode = mode;
    if (read) {
        op.u.shadow_op.dirty_bitmap = (uint8_t *)saver->dirty;
        op.u.shadow_op.pages = saver->p2m.count;
    }
    return control_domctl(saver->s->control, &op);
}

// The frames written since the last time, in saver->dirty; returns how many, or -errno.
static long read_log(struct saver *saver, uint32_t mode)
{
    long count = 0;
    int rc = shadow_op(saver, XEN_DOMCTL_SHADOW_OP_CLEAN, mode, true);

    for (uint64_t i = 0; i < saver->dirty_size / 8; i++)
        count += __builtin_popcountll(saver->dirty[i]);
    if (rc)
        fprintf(saver->s->messages, "save: cannot read which frames were written: %s\n",
                strerror(-rc));
    return rc ? rc : count;
}

static void mark_all(struct saver *saver)
{
    memset(saver->dirty, 0xff, saver->dirty_size);
    for (uint64_t pfn = saver->p2m.count; pfn < saver->dirty_size * 8; pfn++)
        bit_clear(saver->dirty, pfn);
}

static int suspend(struct saver *saver)
{
    int rc = stream_interrupted ? -EINTR : saver->s->suspend(saver->s->arg);

    if (rc == -EINTR)
        fprintf(saver->s->messages, "save: interrupted\n");
    if (rc)
        return rc;
    saver->suspended = true;
    if (!p2m_moved(&saver->p2m, saver->shared))
        return 0;
    fprintf(saver->s->messages, "save: the guest has moved its P2M list meanwhile: try again\n");
    return -EAGAIN;
}

static int enable_log(struct saver *saver)
{
    return shadow_op(saver, XEN_DOMCTL_SHADOW_OP_ENABLE, XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY, false);
}

static int start_log(struct saver *saver)
{
    int rc = enable_log(saver);

    if (rc == -EINVAL) { // it is on: somebody who was killed has left it so
        shadow_op(saver, XEN_DOMCTL_SHADOW_OP_OFF, 0, false);
        rc = enable_log(saver);
    }
    if (rc)
        fprintf(saver->s->messages,
                "save: the hypervisor does not log what a running guest writes: "
                "%s; save it without --live\n",
                strerror(-rc));
    return rc;
}

static void defer_dirty(struct saver *saver)
{
    for (uint64_t i = 0; i < saver->dirty_size / 8; i++)
        saver->deferred[i] |= saver->dirty[i];
}

static int live_rounds(struct saver *saver)
{
    long left = LONG_MAX, before;

    mark_all(saver);
    for (unsigned round = 1;; round++) {
        int rc = save_pages(saver, round);

        if (rc || round == LIVE_ROUNDS)
            return rc;
        before = left;
        left = read_log(saver, 0);
        if (left < 0)
            return (int)left;
        if (left < FEW_FRAMES || left >= before) {
            defer_dirty(saver);
            return 0;
        }
    }
}

// Frames that a PV guest has got or given back while it was looked at, and that no log tells of.
static void mark_changed(struct saver *saver)
{
    for (uint64_t pfn = 0; !saver->s->hvm && pfn < saver->p2m.count; pfn++)
        if ((p2m_mfn(&saver->p2m, pfn) != UINT64_MAX) != bit_test(saver->known, pfn))
            bit_set(saver->dirty, pfn);
}

static int save_live(struct saver *saver)
{
    long left;
    int rc = start_log(saver);

    if (rc)
        return rc;
    rc = live_rounds(saver);
    if (!rc)
        rc = suspend(saver);
    if (!rc) {
        left = read_log(saver, XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL);
        rc = left < 0 ? (int)left : 0;
    }
    if (!rc) {
        for (uint64_t i = 0; i < saver->dirty_size / 8; i++)
            saver->dirty[i] |= saver->deferred[i];
        mark_changed(saver);
        rc = save_pages(saver, 0);
    }
    shadow_op(saver, XEN_DOMCTL_SHADOW_OP_OFF, 0, false);
    return rc;
}

static int save_still(struct saver *saver)
{
    int rc = suspend(saver);

    if (rc)
        return rc;
    mark_all(saver);
    return save_pages(saver, 0);
}

static int map_shared_info(struct saver *saver)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getdomaininfo, .domain = saver->s->domain};
    int rc = control_domctl(saver->s->control, &op);

    if (!rc && op.domain != saver->s->domain)
        rc = -ESRCH;
    if (!rc) {
        saver->shared_mfn = op.u.getdomaininfo.shared_info_frame;
        saver->shared = control_map(saver->s->control, saver->s->domain, PROT_READ,
                                    &saver->shared_mfn, 1, NULL);
        rc = saver->shared ? 0 : -errno;
    }
    if (rc)
        fprintf(saver->s->messages, "save: cannot look at domain %u: %s\n", saver->s->domain,
                strerror(-rc));
    return rc;
}

static int make_bitmaps(struct saver *saver)
{
    saver->dirty_size = (saver->p2m.count + 63) / 64 * 8;
    saver->dirty = control_buffer(saver->s->control, saver->dirty_size);
    saver->deferred = calloc(1, saver->dirty_size);
    saver->known = calloc(1, saver->dirty_size);
    if (saver->dirty && saver->deferred && saver->known && !save_pages_begin(saver))
        return 0;
    fprintf(saver->s->messages, "save: no memory\n");
    return -ENOMEM;
}

static int save(struct saver *saver)
{
    bool hvm = saver->s->hvm;
    int rc = hvm ? save_hvm_static_state(saver) : save_static_state(saver);

    if (!rc)
        rc = saver->s->live ? save_live(saver) : save_still(saver);
    if (!rc)
        rc = hvm ? save_hvm_state(saver) : save_state(saver);
    return rc;
}

static int open_p2m(struct saver *saver)
{
    const struct stream_save *s = saver->s;
    int rc;

    if (s->hvm)
        return p2m_open_hvm(&saver->p2m, s->control, s->domain, s->messages);
    rc = map_shared_info(saver);
    return rc ? rc : p2m_open(&saver->p2m, s->control, s->domain, saver->shared, s->messages);
}

int stream_save_guest(const struct stream_save *save_this)
{
    struct saver saver = {.s = save_this};
    int rc = open_p2m(&saver);

    if (!rc) {
        rc = make_bitmaps(&saver);
        if (!rc)
            rc = save(&saver);
        p2m_close(&saver.p2m);
    }
    save_pages_end(&saver);
    control_buffer_free(save_this->control, saver.dirty, saver.dirty_size);
    free(saver.deferred);
    free(saver.known);
    if (saver.shared)
        control_unmap((void *)saver.shared, 1);
    return rc;
}

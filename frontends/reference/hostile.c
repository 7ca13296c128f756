#include "frontends/reference/hostile.h"

#include "frontends/kernel/events.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "frontends/xenbus/device.h"

uint32_t hostile_random(void)
{
    static uint64_t state = 1;

    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)(state * 0x2545f4914f6cdd1d >> 32);
}

static bool is_named(const char *name, char **names)
{
    bool any = *names;

    for (; *names; names++)
        if (!strcmp(*names, name))
            return true;
    return !any;
}

int hostile_run(const char *what, const struct violation *all, unsigned n, char **only,
                int (*recover)(void))
{
    unsigned wrong = 0, committed = 0;

    for (unsigned i = 0; i < n; i++) {
        int error, after;

        if (!is_named(all[i].name, only))
            continue;
        committed++;
        error = all[i].commit();
        after = recover();
        print("hostile: %s %s: %s, then %s\n", what, all[i].name,
              error ? error_name(error) : "refused", after ? "no service" : "served");
        wrong += error || after;
    }
    if (!committed)
        return -XEN_ENOENT;
    return wrong ? -XEN_EIO : 0;
}

bool hostile_page_make(struct hostile_page *p, domid_t back_end, bool read_only)
{
    *p = (struct hostile_page){.page = page_alloc()};
    if (!p->page)
        return false;
    p->ref = grant_page(back_end, p->page, read_only);
    p->read_only = grant_page(back_end, p->page, true);
    p->foreign = grant_page(4000, p->page, read_only);
    return p->ref && p->read_only && p->foreign;
}

void hostile_page_free(struct hostile_page *p)
{
    if (p->page && (grant_end(p->ref) & grant_end(p->read_only) & grant_end(p->foreign)))
        page_free(p->page);
}

int hostile_lies(const struct lie *lies, unsigned n, bool several,
                 int (*connect)(const char *key, const char *value, unsigned order),
                 bool (*served)(void))
{
    int error = 0;

    for (unsigned i = 0; i < n; i++) {
        const struct lie *lie = &lies[i];

        if (lie->order && !several)
            continue;
        if (!connect(lie->key, lie->value, lie->order) && served()) {
            print("hostile: connected with %s=%s\n", lie->key, lie->value ? lie->value : "(none)");
            error = -XEN_EILSEQ;
        }
    }
    return error;
}

void hostile_show(struct ring *ring, long port)
{
    ring_publish(ring);
    event_send((evtchn_port_t)port);
}

void hostile_jump(struct ring *ring, long port, uint32_t by)
{
    struct ring_header *shared = ring->shared;

    __atomic_store_n(&shared->req_prod, shared->req_prod + by, __ATOMIC_SEQ_CST);
    event_send((evtchn_port_t)port);
    thread_sleep(50 * NS_PER_MS);
}

void hostile_words(struct ring *const *rings, unsigned n, long port)
{
    for (unsigned i = 0; i < 500; i++) {
        struct ring_header *shared = rings[i % n]->shared;

        shared->rsp_prod = hostile_random();
        shared->req_event = hostile_random();
        shared->rsp_event = hostile_random();
        event_send((evtchn_port_t)port);
    }
}

void hostile_revoke(domid_t back_end, bool read_only, struct ring *ring, long port,
                    void (*put)(grant_ref_t ref))
{
    uint8_t *page = page_alloc();

    for (unsigned i = 0; page && i < 20; i++) {
        grant_ref_t ref = grant_page(back_end, page, read_only);

        put(ref);
        hostile_show(ring, port);
        if (i % 2)
            hc(sched_op, 0, 0); // yield
        grant_revoke(ref);
        thread_yield();
    }
}

int hostile_states(const char *kind, unsigned handle)
{
    static struct xenbus_device device;
    static const char *const absurd[] = {"", "-1", "99", "Connected", "4294967300", "4 4"};
    int error = xenbus_open(&device, kind, handle);

    if (error)
        return error;
    for (unsigned i = 0; i < 40; i++) {
        if (hostile_random() % 3)
            xenbus_switch(&device, hostile_random() % (XenbusStateReconfigured + 1));
        else
            store_write_at(0, device.path, "state", absurd[hostile_random() % ARRAY_SIZE(absurd)]);
        if (i % 4 == 0)
            thread_sleep(20 * NS_PER_MS);
    }
    xenbus_shutdown(&device);
    xenbus_close(&device);
    return 0;
}

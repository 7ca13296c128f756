#include "frontends/reference/hostile.h"

#include "frontends/kernel/guest.h"
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

#include "front_world.h"

#include <CUnit/CUnit.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/kernel/grants.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#undef memset

struct world world;

void world_reset(void)
{
    CU_ASSERT_EQUAL(world.pages, 0);
    CU_ASSERT_EQUAL(world.grants_in_use, 0);
    world = (struct world){.backend = XenbusStateConnected};
}

void world_notify(void)
{
    if (world.handler)
        world.handler(world.handler_arg);
}

void world_key(const char *name, uint64_t value)
{
    unsigned i = 0;

    while (world.keys[i].name && strcmp(world.keys[i].name, name))
        i++;
    world.keys[i].name = name;
    world.keys[i].value = value;
}

// kernel/

void *pages_alloc(unsigned n)
{
    world.pages += n;
    return memset(aligned_alloc(PAGE_SIZE, n * PAGE_SIZE), 0, n * PAGE_SIZE);
}

void pages_free(void *pages, unsigned n)
{
    world.pages -= n;
    free(pages);
}

grant_ref_t grant_page(domid_t remote, const void *page, bool read_only)
{
    for (grant_ref_t ref = 8; ref < WORLD_GRANTS; ref++) {
        if (world.grants[ref].in_use)
            continue;
        world.grants[ref].page = (void *)(uintptr_t)page;
        world.grants[ref].read_only = read_only;
        world.grants[ref].in_use = true;
        world.grants[ref].mapped = false;
        world.grants_in_use++;
        return ref;
    }
    return 0;
}

bool grant_end(grant_ref_t ref)
{
    if (ref == 0)
        return true;
    CU_ASSERT_TRUE_FATAL(world.grants[ref].in_use);
    if (world.grants[ref].mapped)
        return false;
    world.grants[ref].in_use = false;
    world.grants_in_use--;
    return true;
}

long event_alloc(domid_t remote, event_handler *handler, void *arg)
{
    world.handler = handler;
    world.handler_arg = arg;
    return 5;
}

void event_close(evtchn_port_t port)
{
    world.handler = NULL;
}

void event_send(evtchn_port_t port)
{
    world.sent++;
}

uint64_t clock_now(void)
{
    return world.now;
}

uint64_t clock_after(uint64_t ns)
{
    return world.now + ns;
}

bool wait_on(struct wait_queue *queue, uint64_t deadline)
{
    if (world.step && world.step())
        return true;
    CU_ASSERT_NOT_EQUAL_FATAL(deadline, FOREVER); // nobody would ever wake us
    world.now = deadline;
    return false;
}

void wake_all(struct wait_queue *queue)
{
}

void print(const char *format, ...)
{
}

const char *error_name(long error)
{
    return "";
}

// xenbus/

int xenbus_open(struct xenbus_device *device, const char *kind, unsigned handle)
{
    return 0;
}

void xenbus_close(struct xenbus_device *device)
{
}

enum xenbus_state xenbus_backend_state(const struct xenbus_device *device)
{
    return world.backend;
}

int xenbus_switch(struct xenbus_device *device, enum xenbus_state state)
{
    return 0;
}

int xenbus_wait(struct xenbus_device *device, unsigned states, uint64_t ns)
{
    return world.restart_error;
}

int xenbus_restart(struct xenbus_device *device)
{
    return 0;
}

int xenbus_shutdown(struct xenbus_device *device)
{
    return 0;
}

int xenbus_publish(int (*write)(uint32_t transaction, void *arg), void *arg)
{
    return write(1, arg);
}

int store_read_number(uint32_t transaction, const char *folder, const char *name, uint64_t *value)
{
    for (unsigned i = 0; i < ARRAY_SIZE(world.keys) && world.keys[i].name; i++) {
        if (strcmp(world.keys[i].name, name))
            continue;
        *value = world.keys[i].value;
        return 0;
    }
    return -XEN_ENOENT;
}

int store_read_at(uint32_t transaction, const char *folder, const char *name, char *value,
                  size_t size)
{
    strncpy(value, "00:16:3e:00:00:01", size);
    return 17;
}

int store_write_at(uint32_t transaction, const char *folder, const char *name, const char *value)
{
    return 0;
}

int store_write_number(uint32_t transaction, const char *folder, const char *name, uint64_t value)
{
    return 0;
}

int store_rm(uint32_t transaction, const char *path)
{
    return -XEN_ENOENT;
}

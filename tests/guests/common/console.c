// Where the guest prints: as domain 0 the hypervisor's console, as another domain the ring that its
// toolstack has set up, which a daemon in domain 0 reads.
#include "tests/guests/common/console.h"

#include "pv-abi/event_channel.h"
#include "pv-abi/io/console.h"
#include "pv-abi/sched.h"
#include "tests/guests/common/guest.h"

static volatile struct xencons_interface *ring; // NULL: the hypervisor's console
static unsigned port;

void console_init(volatile struct xencons_interface *page, unsigned event_port)
{
    ring = page;
    port = event_port;
}

static void notify(void)
{
    struct evtchn_send send = {.port = port};

    hc(event_channel_op, EVTCHNOP_send, &send);
}

void console_write(const char *text, size_t size)
{
    if (!ring) {
        hc(console_io, CONSOLEIO_write, size, text);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        XENCONS_RING_IDX at = ring->out_prod;

        while (at - ring->out_cons >= sizeof(ring->out)) {
            notify();
            hc(sched_op, SCHEDOP_yield, 0);
        }
        ring->out[MASK_XENCONS_IDX(at, ring->out)] = text[i];
        __atomic_store_n(&ring->out_prod, at + 1, __ATOMIC_RELEASE);
    }
    notify();
}

void console_flush(void)
{
    while (ring && ring->out_cons != ring->out_prod)
        hc(sched_op, SCHEDOP_yield, 0);
}

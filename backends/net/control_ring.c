#include "backends/net/control_ring.h"

#include "pv-abi/io/netif_ctrl.h"

bool control_ring_serve(struct ring *ring, bool *notify, const char **why)
{
    struct xen_netif_ctrl_request request;
    enum ring_result result = RING_EMPTY;
    uint32_t left = ring->size;

    do {
        while (left && (result = ring_take(ring, &request)) == RING_TAKEN) {
            struct xen_netif_ctrl_response response = {
                .id = request.id,
                .type = request.type,
                .status = XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED,
            };

            ring_put(ring, &response);
            left--;
        }
        if (result != RING_OVERRUN)
            *notify = ring_publish(ring) || *notify;
    } while (result == RING_EMPTY && ring_before_sleep(ring) == RING_TAKEN);
    *why = "its control ring's request index overran the ring";
    return result != RING_OVERRUN;
}

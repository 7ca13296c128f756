/*
 * States of a split driver's two ends, as their "state" nodes in xenstore show them.
 */
#pragma once

enum xenbus_state {
    XenbusStateUnknown = 0,
    XenbusStateInitialising = 1,
    XenbusStateInitWait = 2,    /* waits for the other end or for hot-plug scripts */
    XenbusStateInitialised = 3, /* waits for the other end to connect */
    XenbusStateConnected = 4,
    XenbusStateClosing = 5, /* the device is going away */
    XenbusStateClosed = 6,
    XenbusStateReconfiguring = 7,
    XenbusStateReconfigured = 8,
};
typedef enum xenbus_state XenbusState;

// Where tests/boot/ioreq_server.c serves a bare guest (tests/guests/hvm/ioreq.c), and what it does
// at each port. Each is 4 bytes wide.
#pragma once

#define IOREQ_PORTS 0x5100

#define IOREQ_PORT_FIXED      0x00 // reads IOREQ_FIXED
#define IOREQ_PORT_REGISTER   0x04 // reads what was written
#define IOREQ_PORT_INVALIDATE 0x08 // how often it was told that memory has gone
#define IOREQ_PORT_POSTED     0x0c // the sum of all that was written to IOREQ_VIDEO
#define IOREQ_PORT_NOISE      0x10 // a thousand events before the answer, IOREQ_FIXED
#define IOREQ_PORT_GARBLED    0x14 // fills the request with ones, but for the answer, IOREQ_FIXED
#define IOREQ_PORT_STRINGS    0x18 // how many strings it has served
// These are answered with ones, by the hypervisor.
#define IOREQ_PORT_BAD_STATE 0x1c // makes the state one that there is not
#define IOREQ_PORT_NO_STATE  0x20 // ... or that of no request
#define IOREQ_PORT_REMOVED   0x24 // never answers: removes the server and makes another
#define IOREQ_PORT_CLOSED    0x28 // never answers: closes its event channel and opens another
#define IOREQ_PORT_ENDS      0x2c // never answers: ends
// This is never answered at all.
#define IOREQ_PORT_SILENT 0x30
#define IOREQ_NR_PORTS    0x34

#define IOREQ_FIXED 0x78563412u

#define IOREQ_MEMORY 0xe0000000ul // a page that keeps what is written to it
#define IOREQ_VIDEO  0xb8000ul // a page to which writes are posted, once the guest has given it back

// A PCI function whose register r reads IOREQ_CONFIG | r.
#define IOREQ_DEVICE 3
#define IOREQ_CONFIG 0xc0de0000u

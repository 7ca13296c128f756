// How a domain goes from one machine to another: what xl's two sides say to each other, so that
// either of them may be vl's.
//
//     receiver                                sender
//     HANDOVER_BANNER
//                                             the domain as domain_save() writes it
//     HANDOVER_READY
//                                             HANDOVER_GO
//     HANDOVER_REPORT and a byte, 0: it runs
//     if it does not: HANDOVER_GO
//
// The domain is the sender's until it has said HANDOVER_GO, and again once that was said to it. In
// between only the receiver knows.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define HANDOVER_BANNER "xl migration receiver ready, send binary domain data.\n"
// These with the zero at their end.
#define HANDOVER_READY  "domain received, ready to unpause"
#define HANDOVER_GO     "domain is yours, you are cleared to unpause"
#define HANDOVER_REPORT "my copy unpause results are as follows"

// Writes `length` bytes. False: it cannot, or is told to stop by a signal.
bool handover_say(int fd, const void *text, size_t length);
// Reads as many. False: something else came, or the end, or a signal.
bool handover_hear(int fd, const void *text, size_t length);

// The control ring of a network device: receive-side hashing and lasting grants, neither of which
// is given. Every request is answered, so that a guest that tries goes on without.
#pragma once

#include "ring/ring.h"

// Answers what is there, at most a ring's worth. False: the ring is broken (*why).
bool control_ring_serve(struct ring *ring, bool *notify, const char **why);

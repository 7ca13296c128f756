// Event-channel ports whose events the hypervisor takes itself, and VIRQs that one domain handles
// for the machine. Inside of core/event*.c.
#pragma once

#include "core/event.h"

void event_consumer_call(unsigned consumer, struct vcpu *v, unsigned port, bool closed);

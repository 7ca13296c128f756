// What is done to a guest whose memory is filled, whoever has filled it.
#pragma once

#include "builder/builder.h"

// MMUEXT_PIN_L1_TABLE to L4 (`command`) on `count` machine frames, in as few calls as possible.
int guest_pin(struct control *control, domid_t domain, unsigned command, const uint64_t *mfns,
              size_t count);

// Grants the pages of console and xenstore to those who serve them: the first entries of the grant
// table, with which every guest is born.
int guest_seed_grants(const struct pv_target *target, uint64_t console_mfn, uint64_t xenstore_mfn);

// Nodes of xenstore that somebody else wrote: read with bounds, and said by name if they are wrong.
//
// All functions fail through device_fail(). A front end's node may be anything at all.
#pragma once

#include "backends/common/backend.h"
#include "backends/common/credit.h"

// The text of PATH/NAME, the caller's to free; NULL if there is none or it is longer than `most`.
char *keys_text(struct device *device, const char *path, const char *name, size_t most);

// A number in decimal from `least` to `most`. -ENOENT: there is no such node, which is said only by
// keys_number(); keys_optional() gives `otherwise` then. -EINVAL: it is not such a number.
int keys_number(struct device *device, const char *path, const char *name, uint64_t least,
                uint64_t most, uint64_t *value);
int keys_optional(struct device *device, const char *path, const char *name, uint64_t least,
                  uint64_t most, uint64_t otherwise, uint64_t *value);

// The node "rate", a limit as credit_parse() takes it; empty if there is none.
int keys_rate(struct device *device, const char *path, char rate[CREDIT_TEXT]);

// One of `pages` = 2^order pages of a ring: PREFIXref, or PREFIXref0, PREFIXref1, ... if the front
// end gave ring-page-order ("ring-", "tx-ring-").
int keys_ring(struct device *device, const char *path, const char *prefix, uint32_t pages,
              bool numbered, struct backend_ring *ring);

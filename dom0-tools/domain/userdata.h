// The configurations of the domains there are, kept in files where libxl keeps and finds them
// (/var/lib/xen/userdata-d.ID.UUID.libxl-json), so that either tools know the other's domains.
#pragma once

#include "domain/domain.h"

#define USERDATA_FOLDER "/var/lib/xen"

// Replaces what was kept.
int userdata_store(const struct toolstack *t, domid_t id, const struct domain_config *config);

// -ENOENT: none is kept; not said. Wrong contents are said on `messages`.
int userdata_load(const struct toolstack *t, domid_t id, struct domain_config **config);

// Removes everything kept of this number, whatever its UUID.
void userdata_remove(domid_t id);

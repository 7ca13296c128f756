// Grant tables: how a domain lets another map or copy single frames of its own.
#pragma once

#include "core/domain.h"

int grant_domain_init(struct domain *d, unsigned max_frames, unsigned max_maptrack_frames);
// What the toolstack allows a new domain, no more than it was initialised with.
void grant_set_limits(struct domain *d, unsigned max_frames, unsigned max_maptrack_frames,
                      unsigned max_version);
// Drops every mapping that a dying domain holds of others' frames; -ERESTART: call again.
int grant_domain_relinquish(struct domain *d);
void grant_domain_destroy(struct domain *d);

// XENMEM_add_to_physmap / acquire_resource: the frame behind a table or status page, grown if
// needed.
int grant_table_frame(struct domain *d, unsigned index, bool status, mfn_t *mfn);
// How far the table, and as many status pages, may grow.
unsigned grant_table_max_frames(const struct domain *d);
void grant_dump(struct domain *d);

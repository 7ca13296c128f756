// The domain's own grant table, mapped into the window's upper end; grants to oneself.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/grant_table.h"

#define GRANT_OWN_DOMAIN 0
#define GRANT_FIRST_REF  16 // below: reserved or used by the runtime
#define GRANT_NO_HANDLE  0xffffffffu

// Maps the table's first frame (version 1 entries). Once; ends the test on failure.
void grant_init(void);
volatile struct grant_entry_v1 *grant_v1(grant_ref_t ref);
// The same memory seen as version 2.
volatile union grant_entry_v2 *grant_v2(grant_ref_t ref);

// Fills in an entry of version 1 that lets DOM use the frame; FLAGS beside permit_access.
void grant_frame(grant_ref_t ref, unsigned dom, uint64_t mfn, unsigned flags);
void grant_page(grant_ref_t ref, const void *page, unsigned flags);
// Takes an entry back; false if it is in use.
bool grant_end(grant_ref_t ref);

// One operation each; the status.
int grant_map(grant_ref_t ref, uint64_t address, unsigned flags, grant_handle_t *handle);
int grant_map_of(unsigned dom, grant_ref_t ref, uint64_t address, unsigned flags,
                 grant_handle_t *handle, uint64_t *bus);
int grant_unmap(grant_handle_t handle, uint64_t address, uint64_t bus);

// Grants: which of this guest's pages another domain may use.
#pragma once

#include <stdbool.h>

#include "pv-abi/grant_table.h"

// Lets REMOTE use the page: a reference, or 0 if the table is full or cannot be had. Made ready at
// the first call.
grant_ref_t grant_page(domid_t remote, const void *page, bool read_only);
// Takes it back. False: REMOTE has the page mapped still, and so the reference and the page must
// not be used for anything else. 0 is no reference, and taken back already.
bool grant_end(grant_ref_t ref);
// The same whatever REMOTE does, to see how he takes it: the entry is void, mapped or not.
void grant_revoke(grant_ref_t ref);

unsigned grants_in_use(void);
unsigned grants_total(void);

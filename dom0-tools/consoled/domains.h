// Which domains there are: asked of the hypervisor whenever the store says that one came or went.
#pragma once

#include "consoled/consoled.h"

// Opens the store and watches it. While it cannot be reached, tries again each second; the guests'
// consoles go on meanwhile.
void domains_open(struct consoled *daemon);
void domains_close(struct consoled *daemon);

// Brings the guests in line with the domains that there are.
void domains_scan(struct consoled *daemon);

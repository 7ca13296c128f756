// The page of stubs through which guests make hypercalls: 32 bytes each, stub n for call n.
#pragma once

// Fills a page for PV guests.
void pv_hypercall_page_fill(void *page);

// Looks at the whole machine from outside and recounts everything that mm/ and the PV MMU count.
#pragma once

#include "tests/unit/mmu_machine.h"

// References that the test itself holds of a frame.
extern unsigned extra_refs[RAM_FRAMES], extra_types[RAM_FRAMES];

// Frames that a domain other than the owner has rightly been given to map (by number of the
// domain), until they are freed.
extern bool lent[2][RAM_FRAMES];

// NULL if all is well, else what is wrong (a static text). Checks, for all frames of all domains
// given:
//  - references and typed references are exactly those that tables, roots, descriptor tables, pins
//    and allocations account for;
//  - present entries of validated tables are well-formed, and writable ones lead to frames of
//    writable type of the right owner;
//  - walking from every CPU's CR3 as the processor does reaches no table and no foreign frame
//  writable;
//  - the same for everything that the CPUs' TLBs still hold.
const char *machine_check(struct domain **domains, unsigned nr_domains);

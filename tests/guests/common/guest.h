// Everything a test file needs.
#pragma once

#include "pv-abi/xen.h"

#include "tests/guests/common/events.h"
#include "tests/guests/common/hypercall.h"
#include "tests/guests/common/lib.h"
#include "tests/guests/common/memory.h"
#include "tests/guests/common/test.h"
#include "tests/guests/common/time.h"
#include "tests/guests/common/trap.h"
#include "tests/guests/common/vcpu.h"

extern struct start_info *start_info;
extern struct shared_info *shared_info;

/*
 * The core of the guest ABI, gathered: what nearly every caller needs.
 *
 * Interfaces with a hypercall of their own (event channels, grants, memory, ...) have headers
 * of their own and are not drawn in here.
 */
#pragma once

#include "arch-x86/cpu.h"
#include "arch-x86/domain.h"
#include "arch-x86/memory.h"
#include "console_io.h"
#include "errno.h"
#include "hypercalls.h"
#include "mmu.h"
#include "multicall.h"
#include "shared_info.h"
#include "start_info.h"
#include "types.h"
#include "vga.h"
#include "virq.h"
#include "vm_assist.h"

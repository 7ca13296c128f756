// How extended page tables are written.
#pragma once

#include "hvm/p2m.h"

extern const struct p2m_format vmx_ept_format;

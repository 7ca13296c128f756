// What domain/ works with, made of what vl has open.
#pragma once

#include "domain/domain.h"

// Opens what is not open yet; ends the program if that cannot be.
const struct toolstack *vl_toolstack(void);

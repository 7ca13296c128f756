// What saving, restoring and moving a domain share.
#pragma once

#include <stdbool.h>

// While it is heeded, a signal that would end the program ends what is being saved or restored
// instead, and leaves nothing half done.
void vl_heed_signals(bool heed);

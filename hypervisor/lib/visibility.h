// Included before every file of the hypervisor: the image is one piece, so no reference need go
// through a global offset table.
#pragma once
#ifndef __ASSEMBLY__
#pragma GCC visibility push(hidden)
#endif

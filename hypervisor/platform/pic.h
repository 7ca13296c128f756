// The pair of 8259 interrupt controllers, which the IO-APICs replace.
#pragma once

// Moves their vectors out of the exceptions' way and masks them. A spurious interrupt may still
// come, at vector 0x27 or 0x2f.
void pic_disable(void);

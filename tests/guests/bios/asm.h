// Numbers that the boot sector and C share.
#pragma once

#define STACK_TOP 0x7c00
#define SECTORS   63 // behind the first, up to 64 KB and less than a BIOS reads at once

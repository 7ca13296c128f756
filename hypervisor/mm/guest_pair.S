// copy_pair_from_guest(dst, src): see mm/guest.h.
#include "cpu/entry.h"

    .text
    .globl copy_pair_from_guest
copy_pair_from_guest:
    // The hypervisor's part is 8 TB, aligned to that; below it no address is canonical.
    mov %rsi, %rax
    shr $43, %rax
    cmp $(HV_START >> 43), %eax
    je 3f
    SMAP_INSN stac
1:  mov (%rsi), %rax
    mov 8(%rsi), %rdx
2:  SMAP_INSN clac
    mov %rax, (%rdi)
    mov %rdx, 8(%rdi)
    xor %eax, %eax
    ret
3:  SMAP_INSN clac
    mov $-14, %eax // -EFAULT
    ret
    EXTABLE_RANGE 1b, 2b, 3b

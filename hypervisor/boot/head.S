// From the boot loader to boot_main() in long mode.
//
// Multiboot 1 (QEMU's -kernel, GRUB's `multiboot`) and Multiboot 2 (GRUB, BIOS or UEFI) both enter at
// boot_entry in 32-bit protected mode, paging off, EAX = the protocol's magic, EBX = its information
// structure (below 4 GB). The image is linked high and runs here at its load address.

#include "cpu/layout.h"

#define PHYS(sym) ((sym) - IMAGE_START)

#define PTE_PRESENT  0x001
#define PTE_WRITE    0x002
#define PTE_LARGE    0x080

#define CR0_PE 0x00000001
#define CR0_MP 0x00000002
#define CR0_ET 0x00000010
#define CR0_NE 0x00000020
#define CR0_WP 0x00010000
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define CR4_PGE 0x80
#define MSR_EFER 0xc0000080
#define EFER_SCE_LME_NX 0x901 // SCE, LME, NXE

#define MB2_MAGIC 0xe85250d6

    .section .multiboot, "ax"
    // Multiboot 1: page-aligned modules, memory information.
    .balign 4
    .long 0x1badb002
    .long 0x00000003
    .long -(0x1badb002 + 0x00000003)

    // Multiboot 2.
    .balign 8
mb2_header:
    .long MB2_MAGIC
    .long 0
    .long mb2_end - mb2_header
    .long -(MB2_MAGIC + (mb2_end - mb2_header))
    // Information that we want: command line, modules, memory map (required).
    .balign 8
    .word 1, 0
    .long 20
    .long 1, 3, 6
    .balign 8
    // Modules page-aligned.
    .word 6, 0
    .long 8
    // A framebuffer of any size, if there is a choice (optional); text mode is fine as well.
    .balign 8
    .word 5, 1
    .long 20
    .long 0, 0, 0
    .balign 8
    .word 0, 0
    .long 8
mb2_end:

    .section .text.boot, "ax"
    .code32
    .globl boot_entry
boot_entry:
    cli
    cld
    mov %eax, %ebp
    mov $PHYS(boot_stack_end), %esp
    lgdt PHYS(boot_gdt_desc)

    // Needs long mode and NX; says so on VGA otherwise.
    mov $0x80000000, %eax
    push %ebx
    cpuid
    cmp $0x80000001, %eax
    jb no_long_mode
    mov $0x80000001, %eax
    cpuid
    pop %ebx
    and $0x20100000, %edx
    cmp $0x20100000, %edx
    jne no_long_mode

    call build_tables
    mov $PHYS(boot_pml4), %eax
    mov %eax, %cr3
    call enter_long_mode
    ljmp $0x08, $PHYS(boot_long)

no_long_mode:
    mov $PHYS(no_long_mode_text), %esi
    mov $0xb8000, %edi
    mov $0x4f, %ah
1:  lodsb
    test %al, %al
    jz 2f
    stosw
    jmp 1b
2:  hlt
    jmp 2b

// Sets up CR4, EFER and CR0 for long mode; CR3 is loaded. Used by the APs' trampoline too.
enter_long_mode:
    mov $(CR4_PAE | CR4_PGE), %eax
    mov %eax, %cr4
    mov $MSR_EFER, %ecx
    rdmsr
    or $EFER_SCE_LME_NX, %eax
    wrmsr
    mov $(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
    mov %eax, %cr0
    ret

// Boot page tables: 4 GB identity and direct map by 2 MB pages, 6 MB of image by 4 KB pages (all
// writable and executable until boot_main() tightens them).
build_tables:
    mov $PHYS(boot_l3_low), %eax
    or $(PTE_PRESENT | PTE_WRITE), %eax
    mov %eax, PHYS(boot_pml4)
    mov %eax, PHYS(boot_pml4) + 8 * ((DIRECTMAP_START >> 39) & 511)
    mov $PHYS(boot_l3_image), %eax
    or $(PTE_PRESENT | PTE_WRITE), %eax
    mov %eax, PHYS(boot_pml4) + 8 * ((IMAGE_START >> 39) & 511)

    mov $PHYS(boot_l2_low), %eax
    or $(PTE_PRESENT | PTE_WRITE), %eax
    mov $PHYS(boot_l3_low), %edi
    mov $4, %ecx
1:  mov %eax, (%edi)
    add $4096, %eax
    add $8, %edi
    loop 1b

    mov $(PTE_PRESENT | PTE_WRITE | PTE_LARGE), %eax
    mov $PHYS(boot_l2_low), %edi
    mov $2048, %ecx
1:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 1b

    mov $PHYS(boot_l2_image), %eax
    or $(PTE_PRESENT | PTE_WRITE), %eax
    mov %eax, PHYS(boot_l3_image)
    mov $PHYS(boot_l1_image), %eax
    or $(PTE_PRESENT | PTE_WRITE), %eax
    mov $(PHYS(boot_l2_image) + 8), %edi
    mov $3, %ecx
1:  mov %eax, (%edi)
    add $4096, %eax
    add $8, %edi
    loop 1b

    mov $(0x200000 | PTE_PRESENT | PTE_WRITE), %eax
    mov $PHYS(boot_l1_image), %edi
    mov $(3 * 512), %ecx
1:  mov %eax, (%edi)
    add $4096, %eax
    add $8, %edi
    loop 1b
    ret

    .code64
boot_long:
    movabs $boot_high, %rax
    jmp *%rax
boot_high:
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
    lea boot_block_top(%rip), %rsp
    mov %ebp, %edi
    mov %ebx, %esi
    xor %ebp, %ebp
    call boot_main
    ud2

    // The other CPUs start in a copy of this at a page below 1 MB (its address is in the vector of the
    // start-up IPI, hence CS). They arrive in real mode.
    .code16
    .globl trampoline_start
trampoline_start:
    cli
    mov %cs, %ax
    mov %ax, %ds
    lgdtl trampoline_gdt_desc - trampoline_start
    mov $CR0_PE, %eax
    mov %eax, %cr0
    ljmpl $0x10, $PHYS(trampoline_32)
    .balign 4
trampoline_gdt_desc:
    .word 31
    .long PHYS(boot_gdt)
    .globl trampoline_end
trampoline_end:

    .code32
trampoline_32:
    mov $0x18, %eax
    mov %eax, %ds
    mov %eax, %ss
    mov $PHYS(ap_boot_stack_end), %esp
    mov $PHYS(boot_pml4), %eax
    mov %eax, %cr3
    call enter_long_mode
    ljmp $0x08, $PHYS(ap_long)

    .code64
ap_long:
    movabs $ap_high, %rax
    jmp *%rax
ap_high:
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov ap_stack(%rip), %rsp
    xor %ebp, %ebp
    call ap_main
    ud2

    .section .rodata
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff // 0x08: 64-bit code
    .quad 0x00cf9b000000ffff // 0x10: 32-bit code
    .quad 0x00cf93000000ffff // 0x18: data
boot_gdt_desc:
    .word 31
    .long PHYS(boot_gdt)
no_long_mode_text:
    .asciz "Vellum needs a 64-bit processor with NX."

    .bss
    .balign 4096
    .globl boot_pml4, boot_l2_low, boot_l1_image
boot_pml4:      .skip 4096
boot_l3_low:    .skip 4096
boot_l2_low:    .skip 4096 * 4
boot_l3_image:  .skip 4096
boot_l2_image:  .skip 4096
boot_l1_image:  .skip 4096 * 3
boot_stack:     .skip 256
boot_stack_end:
ap_boot_stack:  .skip 256
ap_boot_stack_end:

    // The boot CPU's first stack block; struct cpu_info lies at its top, see cpu/percpu.h.
    .balign STACK_BLOCK_SIZE
    .globl boot_block
boot_block:     .skip STACK_BLOCK_SIZE - 512
boot_block_top: .skip 512

    .globl ap_stack
ap_stack:       .quad 0 // of the CPU that is being started

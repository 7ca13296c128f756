// The boot sector: reads the sectors behind it, and goes there. Then the ways between real and protected mode.
#include "tests/guests/bios/asm.h"

    .code16
    .section .boot, "ax"
    .globl boot_sector
boot_sector:
    cli
    ljmp $0, $1f
1:  xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $STACK_TOP, %esp
    sti
    cld
    movb %dl, boot_drive
    movw $packet, %si
    movb $0x42, %ah // extended read, by the packet
    int $0x13
    jc no_disk
    calll real_main
no_disk:
    movw $0x3f8, %dx
    movb $'!', %al
    outb %al, %dx
1:  cli
    hlt
    jmp 1b

    .globl boot_drive
boot_drive:
    .byte 0
    .balign 4
packet:
    .byte 16, 0
    .word SECTORS
    .word 0x7e00, 0 // offset, segment
    .quad 1         // first sector

    .org 510
    .word 0xaa55

    .section .pattern, "a"
    .set i, 0
    .rept 512
    .byte (i * 7 + (i >> 8) + 3) & 0xff
    .set i, i + 1
    .endr

    .text
    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff // 32-bit code
    .quad 0x00cf93000000ffff // 32-bit data
    .quad 0x00009b000000ffff // 16-bit code
    .quad 0x000093000000ffff // 16-bit data
gdt_pointer:
    .word . - gdt - 1
    .long gdt
real_idt:
    .word 0x3ff
    .long 0

// const char *protected_call(const char *(*test)(void)): runs it in protected mode, interrupts off. From real mode.
    .globl protected_call
protected_call:
    cli
    addr32 movl 4(%esp), %eax
    lgdtl gdt_pointer
    movl %cr0, %edx
    orb $1, %dl
    movl %edx, %cr0
    ljmpl $8, $1f
    .code32
1:  movl $0x10, %ecx
    movl %ecx, %ds
    movl %ecx, %es
    movl %ecx, %ss
    call *%eax
    ljmpl $0x18, $2f
    .code16
2:  movw $0x20, %cx
    movw %cx, %ds
    movw %cx, %es
    movw %cx, %ss
    movl %cr0, %edx
    andb $0xfe, %dl
    movl %edx, %cr0
    ljmp $0, $3f
3:  xorw %cx, %cx
    movw %cx, %ds
    movw %cx, %es
    movw %cx, %ss
    lidtl real_idt
    sti
    retl

// bool bios_disk(uint8_t function, const struct disk_packet *packet): true if the BIOS did it. From real mode.
    .globl bios_disk
bios_disk:
    pushl %esi
    addr32 movb 8(%esp), %ah
    addr32 movl 12(%esp), %esi
    movb boot_drive, %dl
    movb $0, %al
    int $0x13
    setnc %al
    movzbl %al, %eax
    popl %esi
    retl

// void bios_video_mode(uint8_t mode). From real mode.
    .globl bios_video_mode
bios_video_mode:
    addr32 movb 4(%esp), %al
    movb $0, %ah
    pushal
    int $0x10
    popal
    retl

// uint32_t bios_memory_map(struct memory_range *range, uint32_t next): the following `next`; 0 at the last. From real mode.
    .globl bios_memory_map
bios_memory_map:
    pushl %ebx
    pushl %edi
    addr32 movl 12(%esp), %edi
    addr32 movl 16(%esp), %ebx
    movl $20, %ecx
    movl $0x534d4150, %edx
    movl $0xe820, %eax
    int $0x15
    movl %ebx, %eax
    jnc 1f
    xorl %eax, %eax
1:  popl %edi
    popl %ebx
    retl

// Handlers of interrupts in real mode. What is below them may have any data segment.
    .globl real_rtc_entry, real_divide_entry
real_rtc_entry:
    pushw %ax
    cs incl rtc_ticks
    movb $0x0c, %al // its status, which is clear once read
    outb %al, $0x70
    inb $0x71, %al
    movb $0x20, %al
    outb %al, $0xa0
    outb %al, $0x20
    popw %ax
    iret

// A fault's frame has the faulting instruction, of two bytes: DIV %cl.
real_divide_entry:
    pushw %bp
    movw %sp, %bp
    addw $2, 2(%bp)
    cs incl divide_errors
    popw %bp
    iret

// ... and in protected mode: one counter each.
    .code32
    .macro counted name, counter, eoi
    .globl \name
\name:
    incl \counter
    \eoi
    iret
    .endm
    .macro eoi_pic
    pushl %eax
    movb $0x20, %al
    outb %al, $0x20
    popl %eax
    .endm
    .macro eoi_apic
    movl $0, 0xfee000b0
    .endm
    .macro skip_two
    addl $2, (%esp)
    .endm
    counted pic_entry, pic_ticks, eoi_pic
    counted apic_entry, apic_ticks, eoi_apic
    counted line_entry, line_ticks, eoi_apic
    counted undefined_entry, undefined, skip_two // UD2 has two bytes

    .section .note.GNU-stack, "", @progbits

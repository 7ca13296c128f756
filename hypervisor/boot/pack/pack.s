# The hypervisor's flat image in a 32-bit ELF file, which is what Multiboot loaders load. IMAGE is its
# file, EXTRA what it needs in memory beyond that.
    .section .image, "awx", @progbits
    .balign 16 # Multiboot 2 wants its header at a multiple of 8 in the file
    .incbin "vellum.bin"
    .section .extra, "aw", @nobits
    .skip EXTRA

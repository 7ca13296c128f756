# The hypervisor's flat image in a 32-bit ELF file, which is what Multiboot loaders load. IMAGE is its
# file, EXTRA what it needs in memory beyond that.
    .section .image, "awx", @progbits
    .incbin "vellum.bin"
    .section .extra, "aw", @nobits
    .skip EXTRA

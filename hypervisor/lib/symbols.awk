# Turns `nm -n` output into the assembly source of the symbol table (lib/symbols.c).
BEGIN {
    print "    .section .rodata.symbols, \"a\"\n    .balign 4\n    .globl symbol_count, symbol_offsets, symbol_names"
    print "symbol_offsets:"
}
$3 == "image_start" { have_start = 1 }
($2 == "t" || $2 == "T") && $3 !~ /^(image_start|text_start|text_end|\.|trap_stub_)/ {
    if ($1 == last)
        next
    last = $1
    printf "    .long 0x%s - 0x%s\n", substr($1, 9), substr(base, 9)
    names[n++] = $3
}
END {
    print "symbol_count: .long " n + 0
    print "symbol_names:"
    for (i = 0; i < n; i++)
        print "    .asciz \"" names[i] "\""
    print "    .byte 0"
}

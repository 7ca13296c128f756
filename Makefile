# Vellum's one Makefile. `make help` lists the targets.

BUILD ?= build
V ?= 0
Q = $(if $(filter 0,$(V)),@,)
say = $(if $(filter 0,$(V)),@printf '  %-7s %s\n' $(1) $(2),@:)
CC = gcc
OBJCOPY = objcopy

.DEFAULT_GOAL := all

WARN = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef \
       -Wpointer-arith -Wold-style-definition -Wvla -Wno-unused-parameter
HV_CFLAGS = -std=gnu11 -O2 -g -ffreestanding -fno-builtin-printf -Ihypervisor -I. $(WARN) \
	-m64 -mno-red-zone -mgeneral-regs-only -fpie -fvisibility=hidden -fno-plt -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common -fno-delete-null-pointer-checks \
	-fno-omit-frame-pointer -ffunction-sections -fdata-sections -fcf-protection=none \
	-MMD -MP

HV_SRCS := $(filter-out hypervisor/boot/offsets.c,\
	     $(sort $(wildcard hypervisor/*/*.c hypervisor/*/*/*.c hypervisor/*/*.S hypervisor/*/*/*.S)))
HV_OBJS := $(patsubst %,$(BUILD)/%.o,$(basename $(HV_SRCS)))
OFFSETS := $(BUILD)/include/offsets.h
CHANGESET := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

.PHONY: all clean help
all: $(BUILD)/vellum ## build the hypervisor's bootable image

# Constants for assembly, from the compiler's own idea of the structures.
$(BUILD)/offsets.s: hypervisor/boot/offsets.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(HV_CFLAGS) -MT $@ -MF $(BUILD)/offsets.d -S $< -o $@

$(OFFSETS): $(BUILD)/offsets.s
	@mkdir -p $(@D)
	$(Q)sed -n 's/^.*"@\([A-Z0-9_]*\) \$$\?\(-\?[0-9]*\)".*/#define \1 \2/p' $< >$@

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(HV_CFLAGS) -c $< -o $@

$(BUILD)/%.o: %.S $(OFFSETS) Makefile
	@mkdir -p $(@D)
	$(call say,AS,$<)
	$(Q)$(CC) $(HV_CFLAGS) -I$(BUILD)/include -D__ASSEMBLY__ -c $< -o $@

$(BUILD)/hypervisor/core/version.o: HV_CFLAGS += -DVELLUM_CHANGESET='"vellum-$(CHANGESET)"'

# Linked twice: the symbol table of the first pass goes into the second, behind all code.
HV_LD = ld -m elf_x86_64 -T hypervisor/boot/vellum.lds --gc-sections --no-dynamic-linker -static \
	-z noexecstack -z max-page-size=4096 --build-id=none --no-warn-rwx-segments

$(BUILD)/symbols0.o: hypervisor/lib/symbols.awk
	@mkdir -p $(@D)
	$(Q)awk -f $< </dev/null | $(CC) -x assembler -c - -o $@

$(BUILD)/vellum.pass1: $(HV_OBJS) $(BUILD)/symbols0.o hypervisor/boot/vellum.lds
	$(call say,LD,$@)
	$(Q)$(HV_LD) $(HV_OBJS) $(BUILD)/symbols0.o -o $@

$(BUILD)/symbols.o: $(BUILD)/vellum.pass1 hypervisor/lib/symbols.awk
	$(Q)nm -n $< | awk -v base=$$(nm $< | awk '$$3 == "image_start" {print $$1}') \
	    -f hypervisor/lib/symbols.awk | $(CC) -x assembler -c - -o $@

$(BUILD)/vellum.elf: $(HV_OBJS) $(BUILD)/symbols.o hypervisor/boot/vellum.lds
	$(call say,LD,$@)
	$(Q)$(HV_LD) $(HV_OBJS) $(BUILD)/symbols.o -o $@

# Boot loaders of the Multiboot kind want a 32-bit ELF file: the same bytes in other packing.
$(BUILD)/vellum: $(BUILD)/vellum.elf hypervisor/boot/pack.lds
	$(Q)$(OBJCOPY) -O binary $< $(BUILD)/vellum.bin
	$(Q)cd $(BUILD) && $(OBJCOPY) -I binary -O elf32-i386 -B i386 vellum.bin vellum.bin.o
	$(call say,LD,$@)
	$(Q)symbol() { echo $$((0x$$(nm $< | sed -n "s/^\([0-9a-f]*\) . $$1\$$/\1/p"))); }; \
	ld -m elf_i386 -T hypervisor/boot/pack.lds --no-warn-rwx-segments -z noexecstack \
	    --defsym=memory_size=$$(($$(symbol image_end) - $$(symbol image_start))) \
	    --defsym=entry=$$(symbol boot_entry_phys) $(BUILD)/vellum.bin.o -o $@

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

clean: ## remove what was built
	rm -rf $(BUILD)

-include $(HV_OBJS:.o=.d) $(BUILD)/offsets.d

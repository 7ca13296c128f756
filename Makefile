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
	-m64 -mno-red-zone -mgeneral-regs-only -fpie -include hypervisor/lib/visibility.h -fno-stack-protector \
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

# Where no guest's speed is decided, code is compiled for size.
SMALL = boot/% platform/% hvm/platform/% hvm/emulate/% hvm/context% hvm/vmx/explain% \
	core/domctl% core/sysctl% core/platform_% core/debug_keys% core/sched_dump% core/panic%
$(filter $(addprefix $(BUILD)/hypervisor/,$(SMALL)),$(HV_OBJS)): HV_CFLAGS += -Os

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
symbol = 0x$$(nm $< | sed -n "s/^........\([0-9a-f]*\) . $(1)$$/\1/p")

$(BUILD)/vellum: $(BUILD)/vellum.elf hypervisor/boot/pack/pack.s
	$(call say,PACK,$@)
	$(Q)$(OBJCOPY) -O binary $< $(BUILD)/vellum.bin
	$(Q)as --32 -I$(BUILD) --defsym EXTRA=$$(($(call symbol,image_end) - $(call symbol,data_end))) \
	    hypervisor/boot/pack/pack.s -o $(BUILD)/pack.o
	$(Q)ld -m elf_i386 -N --section-start=.image=0x200000 --section-start=.extra=$$(printf '%#x' \
	    $$(($(call symbol,data_end) - $(call symbol,image_start) + 0x200000))) \
	    -e $$(($(call symbol,boot_entry_phys))) --no-warn-rwx-segments -z noexecstack $(BUILD)/pack.o -o $@

# Unit tests and fuzzers name the sources that they are built with in a line `// sources: ...`.
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
HOST_CFLAGS = -std=gnu11 -O1 -g -Itests/unit/fake -Ihypervisor -I. -Wall -Wextra -Werror \
	-Wno-unused-parameter -fno-omit-frame-pointer -fno-strict-aliasing \
	-fsanitize=address,undefined -fno-sanitize-recover=all
sources_of = $(shell sed -n 's,^// sources: ,,p' $(1))
# $(call host_deps,FLAGS): which headers a program of several sources depends on, asked of the compiler
# apart: when it compiles them at once, it keeps the answer for the last one only.
# A source that is no more must not stop the build, so each is named as a target too.
host_deps = $(Q)$(CC) $(1) -MM -MP -MT $@ $< $(call sources_of,$<) >$@.d; printf '%s:\n' $< $(call sources_of,$<) >>$@.d

.SECONDEXPANSION:
$(BUILD)/tests/unit/%: tests/unit/%.c $$(call sources_of,tests/unit/$$*.c) Makefile
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(CC) $(HOST_CFLAGS) $< $(call sources_of,$<) -o $@ -lcunit -lpthread
	$(call host_deps,$(HOST_CFLAGS))

$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $$(call sources_of,tests/fuzz/$$*.c) Makefile
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<)
	$(Q)clang $(HOST_CFLAGS) -Idom0-tools -D_GNU_SOURCE -Wno-unknown-warning-option -fsanitize=fuzzer $< $(call sources_of,$<) -o $@ $(call libraries_of,$<)
	$(call host_deps,$(HOST_CFLAGS) -Idom0-tools -D_GNU_SOURCE)

# Tests of domain 0's programs, on the host: sources as above, libraries in a line `// libraries: ...`.
TOOL_TESTS := $(patsubst tests/tools/%.c,$(BUILD)/tests/tools/%,$(wildcard tests/tools/test_*.c))
TOOL_TEST_CFLAGS = -std=gnu11 -O1 -g -D_GNU_SOURCE -Idom0-tools -I. -Wall -Wextra -Werror -Wno-unused-parameter \
	-fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
libraries_of = $(shell sed -n 's,^// libraries: ,,p' $(1))

$(BUILD)/tests/tools/%: tests/tools/%.c $$(call sources_of,tests/tools/$$*.c) Makefile
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(CC) $(TOOL_TEST_CFLAGS) $< $(call sources_of,$<) -o $@ -lcunit -lpthread $(call libraries_of,$<)
	$(call host_deps,$(TOOL_TEST_CFLAGS))

include frontends/frontends.mk
include tests/guests/guests.mk
include dom0-tools/dom0-tools.mk
include backends/backends.mk
include dom0-tools/install.mk

.PHONY: unit fuzz packages run demo test soak bench bench-tools bench-devices bench-hvm check format

unit: $(UNIT_TESTS) $(TOOL_TESTS) ## build the unit tests
fuzz: $(FUZZERS) ## build the fuzzers

packages: ## install the Debian packages that are missing
	$(Q).ci/install-packages

run: packages $(BUILD)/vellum tools-root $(if $(ROOT),dom0-root) ## boot Vellum and domain 0 in QEMU, to a shell (ROOT=1: full Debian)
	$(Q)tests/boot/run --build $(BUILD) $(if $(ROOT),--root) --shell

demo: packages $(BUILD)/vellum tools-root ## boot unattended and show what happens
	$(Q)tests/boot/run --build $(BUILD) --demo

test: packages $(BUILD)/vellum tools tools-root unit fuzz guests frontends ## run every test that fits in half an hour
	$(Q)tests/run-all $(BUILD)

soak: packages $(BUILD)/vellum tools-root dom0-root guests ## the long runs
	$(Q)tests/boot/run --build $(BUILD) --soak

bench: packages $(BUILD)/vellum frontends ## instruction counts beside real Xen's and the bare machine's
	$(Q)tests/bench/run --build $(BUILD)

bench-tools: packages $(BUILD)/vellum tools-root guests ## instruction counts of Vellum's tools beside Debian's
	$(Q)tests/bench/tools --build $(BUILD)

bench-devices: packages $(BUILD)/vellum tools-root frontends ## instructions of disk and network by Vellum's back ends and by Linux's
	$(Q)tests/bench/devices --build $(BUILD)

bench-hvm: packages $(BUILD)/vellum guests ## instructions of a PVH guest's exits beside real Xen's
	$(Q)tests/bench/hvm --build $(BUILD)

CHECKED := $(filter-out pv-abi/%,$(shell git ls-files '*.c' '*.h' 2>/dev/null))

CPPCHECK = cppcheck --quiet -j2 --error-exitcode=1 --inline-suppr --std=c11 -I. --suppressions-list=.cppcheck \
	--enable=warning,portability
TOOLS_SRCS := $(wildcard dom0-tools/*/*.c backends/*/*.c ring/*.c)

check: packages $(OFFSETS) ## format and static analysis
	$(Q)clang-format --dry-run --Werror $(CHECKED)
	$(Q)$(CPPCHECK) -Ihypervisor $(filter %.c,$(HV_SRCS))
	$(Q)$(CPPCHECK) -Idom0-tools -D_GNU_SOURCE $(TOOLS_SRCS)
	$(Q)$(CPPCHECK) $(filter %.c,$(FRONT_SRCS))
	$(Q)printf '%s\n' $(filter %.c,$(HV_SRCS)) | xargs -P2 -I@ clang-tidy --quiet @ -- $(HV_CFLAGS)
	$(Q)printf '%s\n' $(TOOLS_SRCS) | xargs -P2 -I@ clang-tidy --quiet @ -- $(TOOLS_CFLAGS)
	$(Q)printf '%s\n' $(filter %.c,$(FRONT_SRCS)) | xargs -P2 -I@ clang-tidy --quiet @ -- $(FRONT_CFLAGS)

format: ## rewrite the sources in the project's format
	clang-format -i $(CHECKED)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

clean: ## remove what was built (build/cache keeps downloads)
	rm -rf $(filter-out $(BUILD)/cache,$(wildcard $(BUILD)/*))

-include $(HV_OBJS:.o=.d) $(BUILD)/offsets.d $(UNIT_TESTS:=.d) $(FUZZERS:=.d) $(TOOL_TESTS:=.d)

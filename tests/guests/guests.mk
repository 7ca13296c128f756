# Bare PV test guests, booted as domain 0. Included by the Makefile at the top, or used alone:
#   make -f tests/guests/guests.mk BUILD=build guests
# In: BUILD, CC. Out: $(BUILD)/tests/guests/pv.elf, laid out as Linux is (top 2 GB, own address for the
# P2M list), and pv-low.elf, the same tests linked low, with the P2M list in the initial mapping.

BUILD ?= build

GUEST_CFLAGS = -std=gnu11 -O2 -g -ffreestanding -I. -Wall -Wextra -Werror -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -Wundef -Wpointer-arith -Wold-style-definition -Wvla \
	-Wno-unused-parameter -Wno-clobbered -m64 -mno-red-zone -mgeneral-regs-only -mcmodel=kernel -fno-pic \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common \
	-fno-omit-frame-pointer -fno-toplevel-reorder -fcf-protection=none -MMD -MP

GUEST_DIR := $(BUILD)/tests/guests
# Tests run in the order in which they are linked: by name, and random calls after all others.
GUEST_LAST := tests/guests/pv/random_calls.c
# $(call guest_objects,ROOM): of the sources of one folder.
guest_objects = $(patsubst %,$(BUILD)/%.o,$(basename $(filter-out %/notes.c $(GUEST_LAST),\
	$(sort $(wildcard tests/guests/$(1)/*.[cS])))))
PV_OBJS := $(call guest_objects,common) $(call guest_objects,pv) $(BUILD)/$(GUEST_LAST:.c=.o)
HOSTILE_OBJS := $(call guest_objects,common) $(call guest_objects,hostile)
IDLE_OBJS := $(patsubst %,$(BUILD)/tests/guests/common/%.o,head lib console) $(call guest_objects,idle)
# What of the runtime is not about PV, and the PVH guest's own.
HVM_OBJS := $(patsubst %,$(BUILD)/tests/guests/common/%.o,catch console end events jump lib test time) \
	$(call guest_objects,hvm)
GUEST_OBJS := $(sort $(PV_OBJS) $(HVM_OBJS) $(HOSTILE_OBJS) $(IDLE_OBJS))

$(GUEST_DIR)/pv.elf: GUEST_BASE = 0xffffffff80000000
$(GUEST_DIR)/pv.elf: $(GUEST_DIR)/common/notes.o
$(GUEST_DIR)/pv-low.elf: GUEST_BASE = 0x40000000
$(GUEST_DIR)/pv-low.elf: $(GUEST_DIR)/common/notes-low.o

$(GUEST_DIR)/common/notes.o: GUEST_CFLAGS += -DLINUX_LAYOUT

$(GUEST_DIR)/common/notes-low.o: tests/guests/common/notes.c tests/guests/guests.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(GUEST_CFLAGS) -c $< -o $@

$(GUEST_DIR)/%.o: tests/guests/%.c tests/guests/guests.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(GUEST_CFLAGS) -c $< -o $@

$(GUEST_DIR)/%.o: tests/guests/%.S tests/guests/guests.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(GUEST_CFLAGS) -D__ASSEMBLY__ -c $< -o $@

$(GUEST_DIR)/pv.elf $(GUEST_DIR)/pv-low.elf: $(PV_OBJS)

# Run as another domain than domain 0: what it does to its neighbours.
$(GUEST_DIR)/hostile.elf: GUEST_BASE = 0xffffffff80000000
$(GUEST_DIR)/hostile.elf: $(GUEST_DIR)/common/notes.o $(HOSTILE_OBJS)

# As small as one can be, to be run many times.
$(GUEST_DIR)/idle.elf: GUEST_BASE = 0xffffffff80000000
$(GUEST_DIR)/idle.elf: $(GUEST_DIR)/common/notes.o $(IDLE_OBJS)

# Of the PVH kind, for a processor that virtualizes.
$(GUEST_DIR)/hvm.elf: GUEST_BASE = 0
$(GUEST_DIR)/hvm.elf: $(GUEST_DIR)/hvm/notes.o $(HVM_OBJS)

$(GUEST_DIR)/%.elf: tests/guests/common/guest.ld
	$(call say,LD,$@)
	$(Q)$(CC) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
		-Wl,--defsym=virt_base=$(GUEST_BASE) -T tests/guests/common/guest.ld $(filter %.o,$^) -o $@

# A disk whose boot sector a BIOS starts: code of 16 and of 32 bits in one image of 32-bit ELF files.
BIOS_CFLAGS = $(filter-out -m64 -mno-red-zone -mcmodel=kernel,$(GUEST_CFLAGS)) -march=i686 -fno-builtin -Os \
	--param=min-pagesize=0 -fno-delete-null-pointer-checks
BIOS_OBJS := $(patsubst %,$(GUEST_DIR)/bios/%.o,boot real protected)
$(GUEST_DIR)/bios/real.o: GUEST_CFLAGS := $(BIOS_CFLAGS) -m16
$(GUEST_DIR)/bios/protected.o $(GUEST_DIR)/bios/boot.o: GUEST_CFLAGS := $(BIOS_CFLAGS) -m32

$(GUEST_DIR)/bios.img: $(BIOS_OBJS) tests/guests/bios/bios.ld
	$(call say,LD,$@)
	$(Q)$(CC) -m32 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
		-T tests/guests/bios/bios.ld $(BIOS_OBJS) -o $(@:.img=.elf)
	$(Q)objcopy -O binary $(@:.img=.elf) $@
	$(Q)truncate -s 1M $@

.SECONDARY: $(GUEST_OBJS) $(BIOS_OBJS) $(GUEST_DIR)/hvm/notes.o $(GUEST_DIR)/common/notes.o $(GUEST_DIR)/common/notes-low.o
.PHONY: guests
guests: $(GUEST_DIR)/pv.elf $(GUEST_DIR)/pv-low.elf $(GUEST_DIR)/hostile.elf $(GUEST_DIR)/idle.elf \
	$(GUEST_DIR)/hvm.elf $(GUEST_DIR)/bios.img

-include $(GUEST_OBJS:.o=.d) $(BIOS_OBJS:.o=.d) $(GUEST_DIR)/common/notes.d $(GUEST_DIR)/common/notes-low.d

# Bare PV test guests, booted as domain 0. Included by the Makefile at the top, or used alone:
#   make -f tests/guests/guests.mk BUILD=build
# In: BUILD, CC. Out: $(BUILD)/tests/guests/pv.elf

BUILD ?= build

GUEST_CFLAGS = -std=gnu11 -O2 -g -ffreestanding -I. -Wall -Wextra -Werror -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -Wundef -Wpointer-arith -Wold-style-definition -Wvla \
	-Wno-unused-parameter -Wno-clobbered -m64 -mno-red-zone -mgeneral-regs-only -mcmodel=kernel -fno-pic \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common \
	-fno-omit-frame-pointer -fno-toplevel-reorder -fcf-protection=none -DWITH_INIT_P2M -MMD -MP
GUEST_BASE = 0xffffffff80000000

GUEST_SRCS := $(sort $(wildcard tests/guests/common/*.[cS])) $(sort $(wildcard tests/guests/pv/*.[cS]))
GUEST_OBJS := $(patsubst %,$(BUILD)/%.o,$(basename $(GUEST_SRCS)))

$(BUILD)/tests/guests/%.o: tests/guests/%.c tests/guests/guests.mk
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -c $< -o $@

$(BUILD)/tests/guests/%.o: tests/guests/%.S tests/guests/guests.mk
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -D__ASSEMBLY__ -c $< -o $@

$(BUILD)/tests/guests/pv.elf: $(GUEST_OBJS) tests/guests/common/guest.ld
	$(CC) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
		-Wl,--defsym=virt_base=$(GUEST_BASE) -T tests/guests/common/guest.ld $(GUEST_OBJS) -o $@

.PHONY: guests
guests: $(BUILD)/tests/guests/pv.elf

-include $(GUEST_OBJS:.o=.d)

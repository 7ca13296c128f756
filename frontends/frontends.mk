# The front ends and the reference guest over them. Included by the Makefile at the top.
# In: BUILD, CC, WARN. A room is a folder; a guest links kernel/ and what it needs of the others.
# Out: $(BUILD)/frontends/reference.elf

FRONT_CFLAGS = -std=gnu11 -O2 -g -ffreestanding -fno-builtin-printf -I. $(WARN) -m64 -mno-red-zone -mgeneral-regs-only \
	-mcmodel=kernel -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing \
	-fno-common -fno-delete-null-pointer-checks -fno-omit-frame-pointer -ffunction-sections -fdata-sections \
	-fcf-protection=none -MMD -MP

FRONT_DIR := $(BUILD)/frontends
# What is shared with others is compiled again, with a guest's options.
FRONT_SHARED := ring/ring.c hypervisor/lib/string.c hypervisor/lib/printf.c
FRONT_SRCS := $(sort $(wildcard frontends/*/*.[cS]))
FRONT_OBJS := $(patsubst frontends/%,$(FRONT_DIR)/%.o,$(basename $(FRONT_SRCS))) \
	$(patsubst %.c,$(FRONT_DIR)/shared/%.o,$(FRONT_SHARED))

$(FRONT_DIR)/shared/%.o: %.c frontends/frontends.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(FRONT_CFLAGS) -Ihypervisor -c $< -o $@

$(FRONT_DIR)/%.o: frontends/%.c frontends/frontends.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(FRONT_CFLAGS) -c $< -o $@

$(FRONT_DIR)/%.o: frontends/%.S frontends/frontends.mk
	@mkdir -p $(@D)
	$(call say,AS,$<)
	$(Q)$(CC) $(FRONT_CFLAGS) -D__ASSEMBLY__ -c $< -o $@

$(FRONT_DIR)/reference.elf: $(FRONT_OBJS) frontends/kernel/guest.ld
	$(call say,LD,$@)
	$(Q)$(CC) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,--gc-sections \
		-T frontends/kernel/guest.ld $(FRONT_OBJS) -o $@

.PHONY: frontends
frontends: $(FRONT_DIR)/reference.elf ## build the reference guest

-include $(FRONT_OBJS:.o=.d)

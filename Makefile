# Vellum's one Makefile. `make help` lists the targets.

BUILD ?= build
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

HV_SRCS := $(sort $(wildcard hypervisor/*/*.c hypervisor/*/*/*.c hypervisor/*/*.S hypervisor/*/*/*.S))
HV_OBJS := $(patsubst %,$(BUILD)/%.o,$(basename $(HV_SRCS)))

.PHONY: all clean help
all: $(BUILD)/vellum

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(HV_CFLAGS) -c $< -o $@

$(BUILD)/%.o: %.S Makefile
	@mkdir -p $(@D)
	$(CC) $(HV_CFLAGS) -D__ASSEMBLY__ -c $< -o $@

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

clean: ## remove what was built
	rm -rf $(BUILD)

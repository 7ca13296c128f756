# The back ends of the split drivers, and the rings that they share with guests. Included by the Makefile
# at the top, after dom0-tools.mk, whose flags and rooms it uses.
#
# As there, a folder below backends/ is a room, and a program is one room with main() and the archives
# that it uses.

BACKENDS_DIR := $(BUILD)/backends
BACKENDS_ROOMS := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard backends/*/*.c)))))
BACKENDS_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard backends/*/*.c)) $(BUILD)/ring/ring.o
BACKENDS_CFLAGS = $(TOOLS_CFLAGS) -Ibackends

$(BUILD)/backends/%.o: backends/%.c Makefile backends/backends.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BACKENDS_CFLAGS) -c $< -o $@

$(BUILD)/ring/%.o: ring/%.c Makefile backends/backends.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BACKENDS_CFLAGS) -c $< -o $@

$(BUILD)/ring/ring.a: $(BUILD)/ring/ring.o
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# $(call backends_room,ROOM): the archive of a room.
define backends_room
$(BACKENDS_DIR)/$(1).a: $(patsubst %.c,$(BUILD)/%.o,$(wildcard backends/$(1)/*.c))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach room,$(BACKENDS_ROOMS),$(eval $(call backends_room,$(room))))

# $(call backends_program,NAME,ROOM,LIBRARIES): a back end of one kind. It lies among dom0's programs.
define backends_program
TOOLS_PROGRAMS += $(TOOLS_DIR)/bin/$(1)
$(TOOLS_DIR)/bin/$(1): $(BACKENDS_DIR)/$(2).a $(BACKENDS_DIR)/common.a $(BUILD)/ring/ring.a \
		$(TOOLS_DIR)/xenstore.a $(TOOLS_DIR)/control.a
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) -pie -Wl,-z,relro,-z,now -Wl,--whole-archive $$< -Wl,--no-whole-archive $$(filter-out $$<,$$^) \
	    -levent_core $(3) -lpthread -o $$@
endef

# One line a program.
$(eval $(call backends_program,vellum-blkback,block,-luring))
$(eval $(call backends_program,vellum-netback,net,))

tools: $(BUILD)/ring/ring.a $(TOOLS_PROGRAMS)

# Two threads on one ring: ThreadSanitizer instead of the others.
$(BUILD)/tests/tools/test_ring_threads: TOOL_TEST_CFLAGS := -std=gnu11 -O2 -g -D_GNU_SOURCE -I. -Wall -Wextra \
	-Werror -fno-omit-frame-pointer -fsanitize=thread

-include $(BACKENDS_OBJS:.o=.d)

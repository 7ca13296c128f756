# The programs of domain 0. Included by the Makefile at the top. In: BUILD, CC, Q, say, WARN.
#
# Every folder below dom0-tools/ that holds C sources is a room: its objects make one archive. A program
# is one room with main() linked with the rooms that it uses; arrows point to the right only.

TOOLS_CFLAGS = -std=gnu11 -O2 -g -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIC \
	-Idom0-tools -I. $(WARN) -MMD -MP

TOOLS_DIR := $(BUILD)/dom0-tools
TOOLS_ROOMS := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard dom0-tools/*/*.c)))))
TOOLS_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard dom0-tools/*/*.c))
TOOLS_PROGRAMS :=

$(TOOLS_DIR)/%.o: dom0-tools/%.c Makefile dom0-tools/dom0-tools.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(TOOLS_CFLAGS) -c $< -o $@

# $(call tools_room,ROOM): the archive of a room.
define tools_room
$(TOOLS_DIR)/$(1).a: $(patsubst %.c,$(BUILD)/%.o,$(wildcard dom0-tools/$(1)/*.c))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach room,$(TOOLS_ROOMS),$(eval $(call tools_room,$(room))))

# $(call tools_program,NAME,ROOMS,LIBRARIES[,-static-pie]): the program of the first of ROOMS.
define tools_program
TOOLS_PROGRAMS += $(TOOLS_DIR)/bin/$(1)
$(TOOLS_DIR)/bin/$(1): $(patsubst %,$(TOOLS_DIR)/%.a,$(2))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $(or $(4),-pie) -Wl,-z,relro,-z,now -Wl,--whole-archive $$< -Wl,--no-whole-archive $$(filter-out $$<,$$^) $(3) -o $$@
endef

# One line a program.
$(eval $(call tools_program,xenstore,xenstore-commands xenstore,-lpthread))
XENSTORE_COMMANDS := read write list ls rm exists watch chmod control # its names, xenstore-NAME
$(eval $(call tools_program,vellum-consoled,consoled common xenstore control,-levent_core -lpthread))

# The client library for programs that were not built here, Debian's among them.
LIBXENSTORE := $(TOOLS_DIR)/lib/libxenstore.so.4

$(LIBXENSTORE): $(TOOLS_DIR)/xenstore.a dom0-tools/xenstore/libxenstore.map
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,$(@F) -Wl,--version-script,dom0-tools/xenstore/libxenstore.map -Wl,-z,relro,-z,now \
	    -Wl,-z,defs -Wl,--whole-archive $< -Wl,--no-whole-archive -lpthread -o $@

# Loading six libraries would take a third of the time in which vl makes a guest: it has them in it.
$(eval $(call tools_program,vl,vl domain stream builder config common xenstore control,-lyajl_s -luuid -llzma -lz -lzstd -lpthread,-static-pie))
$(eval $(call tools_program,vellum-xenstored,xenstored store common control,-levent_core))

.PHONY: tools
tools: $(LIBXENSTORE) $(TOOLS_PROGRAMS) $(patsubst %,$(TOOLS_DIR)/%.a,$(TOOLS_ROOMS)) ## build the programs of domain 0

-include $(TOOLS_OBJS:.o=.d)

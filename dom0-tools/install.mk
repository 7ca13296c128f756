# `make install`: where everything goes below DESTDIR. Included by the Makefile at the top, after dom0-tools.mk.

.PHONY: install install-boot install-tools install-docs tools-root

install: install-boot install-tools install-docs ## install all of Vellum into DESTDIR

install-boot: $(BUILD)/vellum
	install -D -m 644 $(BUILD)/vellum $(DESTDIR)/boot/vellum
	install -D -m 644 $(BUILD)/vellum.elf $(DESTDIR)/usr/lib/debug/boot/vellum.elf
	install -D -m 755 dom0-tools/boot/20_vellum $(DESTDIR)/etc/grub.d/20_vellum

# $(call install_files,MODE,FILES,FOLDER): nothing if there are no such files.
install_files = $(if $(strip $(2)),install -D -m $(1) -t $(DESTDIR)$(3) $(strip $(2)))
XENSTORE_PROGRAMS = $(filter %/xenstore,$(TOOLS_PROGRAMS))

# libxenstore.so.4 has a folder of its own: the name is that of a Debian library, which QEMU needs.
install-tools: tools
	$(call install_files,755,$(filter-out $(XENSTORE_PROGRAMS),$(TOOLS_PROGRAMS)),/usr/sbin)
	$(call install_files,755,$(XENSTORE_PROGRAMS),/usr/bin)
	$(if $(XENSTORE_PROGRAMS),$(XENSTORE_PROGRAMS) --help | sed -n 's/^  xenstore \([a-z]*\) .*/\1/p' | \
	    xargs -I{} ln -sf xenstore $(DESTDIR)/usr/bin/xenstore-{})
	$(call install_files,755,$(LIBXENSTORE),/usr/lib/vellum)
	$(call install_files,755,$(wildcard backends/*/scripts/*),/usr/lib/vellum/scripts)
	$(call install_files,644,$(wildcard $(addprefix dom0-tools/service/*.,service target mount)),/usr/lib/systemd/system)
	install -D -m 644 dom0-tools/service/modules.conf $(DESTDIR)/usr/lib/modules-load.d/vellum.conf
	install -D -m 755 dom0-tools/service/vellum.init $(DESTDIR)/etc/init.d/vellum

# Manual pages are named NAME.SECTION.
MAN_PAGES := $(wildcard dom0-tools/man/*.[1-8])

install-docs:
	$(foreach page,$(MAN_PAGES),$(call install_files,644,$(page),/usr/share/man/man$(subst .,,$(suffix $(page))));)
	set -e; for name in $(XENSTORE_COMMANDS); do \
	    ln -sf xenstore.1 $(DESTDIR)/usr/share/man/man1/xenstore-$$name.1; done
	$(call install_files,644,$(wildcard dom0-tools/completion/*),/usr/share/bash-completion/completions)

# The tools as they lie in an image of domain 0. Made anew when a program or a unit changed.
TOOLS_ROOT := $(TOOLS_DIR)/root
tools-root: $(TOOLS_DIR)/root.made
$(TOOLS_DIR)/root.made: $(TOOLS_PROGRAMS) $(wildcard dom0-tools/service/* backends/*/scripts/*) dom0-tools/install.mk
	$(Q)rm -rf $(TOOLS_ROOT) && mkdir -p $(TOOLS_ROOT)
	$(Q)$(MAKE) -s --no-print-directory install-tools DESTDIR=$(TOOLS_ROOT)
	$(Q)touch $@

# A full Debian system for domain 0, with all of Vellum installed; `make run ROOT=1` boots it.
DOM0_ROOT := $(TOOLS_DIR)/dom0-root.img
.PHONY: dom0-root
dom0-root: packages $(DOM0_ROOT) ## make a disk image of a full Debian root for domain 0

$(DOM0_ROOT): $(BUILD)/vellum $(TOOLS_PROGRAMS) $(shell find dom0-tools/image dom0-tools/service dom0-tools/man -type f 2>/dev/null)
	$(Q)rm -rf $(TOOLS_DIR)/full
	$(Q)$(MAKE) -s --no-print-directory install DESTDIR=$(TOOLS_DIR)/full
	$(Q)dom0-tools/image/make-root $(BUILD) $(TOOLS_DIR)/full $@

// Every key of xl.cfg(5), and what Vellum makes of it.
#pragma once

#include "config/syntax.h"

enum config_key_use {
    KEY_USED,
    KEY_WITHOUT_EFFECT, // accepted, with a warning that says why
    KEY_REFUSED,        // an error that says why: the guest would lack what the file asks for
    KEY_HVM,            // used for guests of type "hvm", without effect for others
    KEY_HVM_REFUSED,    // refused for guests of type "hvm", without effect for others
};

struct config_key {
    const char *name;
    enum config_key_use use;
    const char *why; // NULL for one that is used, be it for HVM
};

// NULL: xl.cfg has no such key.
const struct config_key *config_key_find(const char *name);

// All keys, in the manual's order.
const struct config_key *config_keys(size_t *count);

// Complains about unknown and refused keys, warns of those without effect to such a guest. A
// refused key whose value says "off" (0, an empty string or list) asks for nothing and passes.
void config_check_keys(struct config_settings *settings, bool hvm);

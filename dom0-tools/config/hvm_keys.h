// The keys behind struct hvm_config, one table for the file, for libxl's JSON, and back.
#pragma once

#include <stdint.h>

#include "config/names.h"

enum hvm_key_kind {
    HVM_BOOL,
    HVM_CHOICE, // unsigned, of `names`
    HVM_NUMBER, // int64_t from 0 to `most`
    HVM_STRING, // "" is the same as not given
    HVM_LIST,   // struct text_list; a string alone is a list of one
};

struct hvm_key {
    const char *key;
    // Where it is below b_info: the map, NULL being b_info itself, and the field.
    const char *map, *json;
    size_t offset; // in struct hvm_config
    enum hvm_key_kind kind;
    const struct config_names *names;
    int64_t most;
};

// Those of one map lie together, and those in a map of "type.hvm" in that.
extern const struct hvm_key hvm_keys[];
extern const size_t hvm_keys_count;

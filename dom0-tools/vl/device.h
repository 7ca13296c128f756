// What the commands about devices share.
#pragma once

#include "config/domain_config.h"

// A configuration of which the only device is the one that these words, joined by commas, describe
// as `key` ("disk", "vif") would. NULL: it is wrong, which was said. domain_config_free() it.
struct domain_config *vl_read_device(const char *key, int count, char **words);

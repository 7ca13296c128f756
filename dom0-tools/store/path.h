// Paths of the store: checked, made absolute and cut into names once, then only used.
#pragma once

#include <stdint.h>

#include "pv-abi/io/xs_wire.h"

#define PATH_PARTS_MAX (XENSTORE_ABS_PATH_MAX / 2)
#define PATH_HOME_MAX  32

struct path_part {
    uint16_t start, length; // of the name in `text`
    uint64_t name_hash;
    uint64_t path_hash; // of everything up to and with this name
};

struct path {
    char text[XENSTORE_ABS_PATH_MAX + 8]; // hash_padded() reads behind its end
    unsigned length;
    unsigned count; // of names; 0: the root
    struct path_part part[PATH_PARTS_MAX];
};

// The hash of the path of the first `count` names.
uint64_t path_hash(const struct path *path, unsigned count);

// Makes `text` absolute, if it begins with no slash, by `home`, and cuts it. `limit`: how long it
// may be, not counting a leading "/local/domain/N/"; 0: XENSTORE_ABS_PATH_MAX alone counts.
// -EINVAL: no valid path.
int path_parse(struct path *path, const char *text, const char *home, unsigned limit);

// "/local/domain/DOMID"
void path_home(char home[PATH_HOME_MAX], unsigned domid);

// Special paths, of watches and permissions, begin with "@" and are no nodes.
static inline int path_is_special(const char *text)
{
    return text[0] == '@';
}

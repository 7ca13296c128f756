// Scripts that the toolstack calls for devices, as libxl does. Of what they do none is known here.
#pragma once

#include "domain/impl.h"

#define SCRIPTS     "/usr/lib/vellum/scripts"
#define SCRIPTS_XEN "/etc/xen/scripts"

// The path of a script; of one named without a folder, Vellum's own comes before Xen's.
void script_find(const char *name, char path[DOMAIN_PATH_MAX]);

// What a script is told: words, each NAME=VALUE. Begins empty; script_forget() it.
struct script_words {
    char **words;
    size_t count;
    bool failed; // something is missing: there was no memory
};
void script_tell(struct script_words *words, const char *name, const char *value);
// What libxl tells every script: the kind of device, and the folder of its nodes in xenstore.
void script_tell_device(struct script_words *words, const char *kind, const char *folder);
void script_forget(struct script_words *words);

// Runs a script to its end; what it says goes where this program's messages go. `arguments` begins
// with its path and its verb and ends with NULL; `whose` is for messages. 0; -EIO: it failed;
// -ETIMEDOUT: it took too long and was killed; -errno: it cannot be run. Each is said, unless the
// script ended by itself and told why in the node hotplug-error below `folder` (NULL: it has none),
// which is said then.
int script_run(const struct toolstack *t, const char *whose, char *const arguments[],
               const struct script_words *words, const char *folder);

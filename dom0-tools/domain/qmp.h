// Asking a running QEMU, in its machine protocol (QMP).
#pragma once

#include <yajl/yajl_tree.h>

// The answer to `command`, which takes no arguments: what stands under "return" is in *answer,
// which lies in *tree, the caller's to yajl_tree_free(). 0, or -errno: -EPROTO if what it says
// makes no sense, -ETIMEDOUT if it says nothing.
int qmp_ask(const char *socket_path, const char *command, yajl_val *tree, yajl_val *answer);

// A string in an object, NULL if there is none.
const char *qmp_text(yajl_val object, const char *name);

// Texts of the xenstore protocol, for programs beside the library.
#pragma once

#include "xenstore_lib.h"

// How many texts end within len bytes.
unsigned int xs_count_strings(const char *strings, unsigned int len);

// The protocol's way to write a permission ("b17") into buffer. False if it is none or does not
// fit.
bool xs_perm_to_string(const struct xs_permissions *perm, char *buffer, size_t buf_len);

// Strings of a block, `count` of them, as an array in one allocation with its own copy of them.
// NULL and ENOMEM.
char **xs_string_vector(const char *strings, unsigned int len, unsigned int count);

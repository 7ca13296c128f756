// What stands around a guest's stream in a file that xl reads and writes, and on the wire between
// two of them: xl's header with the domain's configuration, and libxl's records, of which a PV
// guest needs no more than the one that says that the stream begins.
//
// Each function says on `messages`, in a line, why it failed.
#pragma once

#include <stdio.h>

// The configuration is libxl's JSON of it (config/domain_config.h). 0, or what write(2) says.
int saved_write_begin(int fd, const char *config, FILE *messages);
int saved_write_end(int fd, FILE *messages);

// Reads up to where the guest's stream begins; *config is malloc'ed. -EINVAL: no such file;
// -EOPNOTSUPP: of a kind or an age that is not known; -EPIPE: it ends too early.
int saved_read_begin(int fd, char **config, FILE *messages);
// The rest, after the guest's stream.
int saved_read_end(int fd, FILE *messages);

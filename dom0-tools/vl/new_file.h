// A file that comes into being whole or not at all. Until it is kept, what its path named before is
// as it was.
#pragma once

struct new_file {
    int fd;     // to be written
    char *path; // links followed
    char *part; // beside it, what is written; NULL where `path` is no regular file: then it is that
};

// 0 or -errno. A device or a pipe is opened itself.
int new_file_open(struct new_file *file, const char *path);

// Writes all to the disk and puts it in its place. 0, or -errno with the file dropped.
int new_file_keep(struct new_file *file);

// Removes what was written, unless it went to a device.
void new_file_drop(struct new_file *file);

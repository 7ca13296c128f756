// How a daemon begins: one at a time, in the background, with whoever started it told when it
// serves.
#pragma once

// One store at a time: a second one would take the socket and the state away from the first. The
// lock goes with the process; a live update takes it again. A file descriptor or -errno, which it
// has reported.
int launch_lock(const char *socket_path);

// Makes the folder that a file is to lie in.
void launch_make_folder(const char *file);

// Comes back in the child, with what launch_detach() wants. The parent waits until the child
// serves, and ends as it does if it does not.
int launch_into_background(void);
void launch_detach(int ready);

// Writes a file with the process id; NULL: none.
void launch_write_pid(const char *path);

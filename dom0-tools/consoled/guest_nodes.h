// What xenstore says of a guest's console, and what it is told; the links to the ptys.
#pragma once

#include "consoled/guest.h"

// Reads where ring and port are, and the guest's name. False if the nodes are not all there, or the
// console is another program's.
bool guest_nodes_read(struct guest *guest, uint64_t *ring_ref, uint32_t *port);

// Writes the terminal's name into the store and makes the link.
void guest_nodes_tell(struct guest *guest);

// Removes the link, if it is this guest's.
void guest_nodes_forget(struct guest *guest);

// Starts or ends watching the nodes; the token is the domain's number.
void guest_nodes_watch(struct guest *guest);
void guest_nodes_unwatch(struct guest *guest);

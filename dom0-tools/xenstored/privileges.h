// What the daemon needs and what it gives up once it runs.
#pragma once

// As many files as it may have: every client is one. Before privileges_drop().
void privileges_raise_limits(void);

// Gives up all capabilities, for good: what is opened stays open, and files of its user's own can
// still be. 0 or -errno.
int privileges_drop(void);

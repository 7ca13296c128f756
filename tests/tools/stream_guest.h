// A guest of a few frames on the fake machine, for tests that save and restore it.
#pragma once

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "pv-abi/shared_info.h"
#include "stream/stream.h"
#include "tests/tools/fake_machine.h"

#define OLD 1
#define NEW 2

// The guest: its frames by number. The P2M list is one page, mapped at P2M_VA by TABLES.
enum { START, STORE, CONSOLE, P2M, TABLES, DATA = TABLES + 4, HOLE = 200, FRAMES = 300 };
#define P2M_VA  0x8000000000ul
#define PRESENT 7ul

extern uint64_t old_mfn[FRAMES]; // 0: no memory there
extern FILE *messages;           // what saving and restoring say

struct watched {
    unsigned rounds;       // that the last save took
    unsigned interrupt_at; // as a signal would, in that round
};
extern struct watched watched;

// Machine and guest OLD anew, to be saved.
void make_guest(void);
uint64_t *page_of(unsigned pfn);
struct shared_info *shared(domid_t id);

// save() checks that the guest was suspended once; try_save() counts that.
int try_save(int fd, bool live, unsigned *suspends);
int save(int fd, bool live);
int restore(int fd, struct stream_restored *result);

// The frames of guest NEW; 0: none.
uint64_t new_mfn(unsigned pfn);
uint64_t *new_page(unsigned pfn);

// Was this said since the last call?
bool said(const char *text);

// main() of a test: `add` fills the suite.
int run_suite(const char *name, void (*add)(CU_pSuite));

// cpuid=: which of the processor's features a guest sees, as words of the control interface
// (pv-abi/arch-x86/cpufeatureset.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CPUID_WORDS 19

struct cpuid_choice {
    uint32_t hide[CPUID_WORDS]; // features that the guest must not see
    uint32_t need[CPUID_WORDS]; // features without which it shall not be made
};

// Where a word is read: `reg` is 0 for EAX to 3 for EDX; leaf 0: in no leaf of CPUID.
struct cpuid_place {
    uint32_t leaf, subleaf;
    unsigned reg;
};
extern const struct cpuid_place cpuid_places[CPUID_WORDS];
extern const char *const cpuid_registers[4]; // "eax" ...

bool cpuid_is_chosen(const struct cpuid_choice *choice);

// "AVX2", or "bit 3 of word 5" in `buffer`.
const char *cpuid_feature_name(unsigned word, unsigned bit, char buffer[32]);

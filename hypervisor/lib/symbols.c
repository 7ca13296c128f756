#include "lib/symbols.h"

#include "cpu/layout.h"
#include "lib/log.h"
#include "lib/printf.h"

// Offsets from image_start in ascending order, and as many names end to end.
extern const uint32_t symbol_count, symbol_offsets[];
extern const char symbol_names[];
extern const char image_start[], text_start[], text_end[];

static bool in_text(uint64_t addr)
{
    return addr >= (uint64_t)text_start && addr < (uint64_t)text_end;
}

bool symbol_by_index(uint32_t i, uint64_t *addr, const char **name)
{
    const char *p = symbol_names;

    if (i >= symbol_count)
        return false;
    for (uint32_t n = i; n; n--)
        while (*p++)
            ;
    *addr = (uint64_t)image_start + symbol_offsets[i];
    *name = p;
    return true;
}

const char *symbol_describe(uint64_t addr)
{
    static char buf[96];
    uint64_t offset = addr - (uint64_t)image_start, start;
    uint32_t low = 0, high = symbol_count;
    const char *name;

    while (low < high) { // the first that begins beyond addr
        uint32_t mid = (low + high) / 2;

        if (symbol_offsets[mid] <= offset)
            low = mid + 1;
        else
            high = mid;
    }
    if (!in_text(addr) || !low || !symbol_by_index(low - 1, &start, &name))
        snprintf(buf, sizeof(buf), "[%016lx]", addr);
    else
        snprintf(buf, sizeof(buf), "[%016lx] %s+0x%lx", addr, name, addr - start);
    return buf;
}

void backtrace_from(uint64_t rip, uint64_t rbp)
{
    uint64_t stack_end = (rbp | (STACK_BLOCK_SIZE - 1)) - 15;

    log_err("Backtrace:\n  %s\n", symbol_describe(rip));
    for (int depth = 0; depth < 24 && rbp >= IMAGE_START && rbp < stack_end && !(rbp & 7);
         depth++) {
        const uint64_t *frame = (const uint64_t *)rbp;

        if (!in_text(frame[1]))
            break;
        log_err("  %s\n", symbol_describe(frame[1]));
        if (frame[0] <= rbp)
            break;
        rbp = frame[0];
    }
}

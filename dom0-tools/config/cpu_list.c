#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/cpu_list.h"

struct cpus {
    const struct cpu_topology *topology;
    uint8_t *bitmap;
    size_t bits;
    char **why;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct cpus *c, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(c->why, format, arguments) < 0)
        *c->why = NULL;
    va_end(arguments);
    return -EINVAL;
}

static void set(struct cpus *c, uint32_t cpu, bool on)
{
    if (!c->bitmap || cpu >= c->bits)
        return;
    if (on)
        c->bitmap[cpu / 8] |= (uint8_t)(1 << cpu % 8);
    else
        c->bitmap[cpu / 8] &= (uint8_t) ~(1 << cpu % 8);
}

static void set_node(struct cpus *c, uint32_t first, uint32_t last, bool on)
{
    for (uint32_t cpu = 0; cpu < c->topology->cpus; cpu++) {
        uint32_t node = c->topology->node_of[cpu];
        if (node != UINT32_MAX && node >= first && node <= last)
            set(c, cpu, on);
    }
}

// Numbers are decimal and at most six digits long: no machine has more CPUs.
static bool number(const char **at, const char *end, uint32_t *out)
{
    const char *start = *at;

    for (*out = 0; *at < end && **at >= '0' && **at <= '9' && *at - start < 6; (*at)++)
        *out = *out * 10 + (uint32_t)(**at - '0');
    return *at > start;
}

static bool node_exists(const struct cpu_topology *topology, uint32_t node)
{
    for (uint32_t cpu = 0; cpu < topology->cpus; cpu++)
        if (topology->node_of[cpu] != UINT32_MAX && topology->node_of[cpu] >= node)
            return true;
    return false;
}

static int apply(struct cpus *c, uint32_t first, uint32_t last, bool node, bool on)
{
    if (node && !c->topology)
        return 0;
    if (node && !node_exists(c->topology, last))
        return refuse(c, "this machine has no node %u", last);
    if (!node && c->topology && last >= c->topology->cpus)
        return refuse(c, "CPU %u: this machine has %u, counted from 0", last, c->topology->cpus);
    if (node)
        set_node(c, first, last, on);
    else
        for (uint32_t cpu = first; cpu <= last; cpu++)
            set(c, cpu, on);
    return 0;
}

static bool skip(const char **at, const char *end, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(end - *at) < length || memcmp(*at, word, length))
        return false;
    *at += length;
    return true;
}

// One element: [^](all | [node[s]:]FIRST[-LAST])
static int element(struct cpus *c, const char *at, const char *end)
{
    const char *whole = at;
    uint32_t first, last;
    bool on = !skip(&at, end, "^");
    bool node = skip(&at, end, "nodes:") || skip(&at, end, "node:");

    if (end - at == 3 && skip(&at, end, "all"))
        return c->topology ? apply(c, 0, c->topology->cpus - 1, false, on) : 0;
    if (!number(&at, end, &first))
        return refuse(c, "'%.*s' is no CPU, range (0-3), node (node:1) or all", (int)(end - whole),
                      whole);
    last = first;
    if (skip(&at, end, "-") && !number(&at, end, &last))
        return refuse(c, "the range '%.*s' has no end", (int)(end - whole), whole);
    if (at != end)
        return refuse(c, "'%.*s' is no CPU, range (0-3), node (node:1) or all", (int)(end - whole),
                      whole);
    if (last < first)
        return refuse(c, "the range '%.*s' runs backwards", (int)(end - whole), whole);
    return apply(c, first, last, node, on);
}

static bool is_empty(const struct cpus *c)
{
    for (size_t i = 0; i < (c->bits + 7) / 8; i++)
        if (c->bitmap[i])
            return false;
    return true;
}

int cpu_list_parse(const char *text, const struct cpu_topology *topology, uint8_t *bitmap,
                   size_t bits, char **why)
{
    struct cpus c = {.topology = topology, .bitmap = bitmap, .bits = bits, .why = why};

    *why = NULL;
    if (bitmap)
        memset(bitmap, 0, (bits + 7) / 8);
    for (const char *at = text;; at++) {
        at += strspn(at, " \t");
        const char *comma = at + strcspn(at, ",");
        const char *end = comma;
        while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
            end--;
        int error = end > at ? element(&c, at, end) : 0;
        if (error)
            return error;
        if (!*comma)
            break;
        at = comma;
    }
    if (bitmap && topology && is_empty(&c))
        return refuse(&c, "no CPU is in it");
    return 0;
}

static bool test(const uint8_t *bitmap, size_t bits, size_t cpu)
{
    return cpu < bits && (bitmap[cpu / 8] >> cpu % 8 & 1);
}

char *cpu_list_format(const uint8_t *bitmap, size_t bits, uint32_t cpus)
{
    char *text = NULL;
    size_t length;
    size_t first = 0;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return NULL;
    while (first < cpus && test(bitmap, bits, first))
        first++;
    if (cpus && first == cpus)
        fputs("all", out);
    else
        for (first = 0; first < bits; first++) {
            size_t last = first;
            if (!test(bitmap, bits, first))
                continue;
            while (test(bitmap, bits, last + 1))
                last++;
            fprintf(out, "%s%zu", ftell(out) ? "," : "", first);
            if (last > first)
                fprintf(out, "-%zu", last);
            first = last;
        }
    if (!ftell(out))
        fputs("none", out);
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}

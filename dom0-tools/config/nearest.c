#include <string.h>

#include "config/nearest.h"

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

#define LONGEST 40 // longer names are like nothing

// How many letters must be put in, left out, changed or swapped with their neighbour.
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST + 1];
    size_t length = strlen(b);

    for (size_t j = 0; j <= length; j++)
        rows[0][j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1,
                           above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[strlen(a) % 3][length];
}

const char *config_nearest(const char *name, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t limit = strlen(name) / 3 + 1;

    if (strlen(name) > LONGEST)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t d = strlen(names[i]) > LONGEST ? limit : distance(name, names[i]);
        if (d < limit || (d == limit && !nearest && d <= strlen(name) / 2)) {
            nearest = names[i];
            limit = d;
        }
    }
    return nearest;
}

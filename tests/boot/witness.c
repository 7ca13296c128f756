// A guest's memory at work, to be saved or moved meanwhile:
//
//     witness MEGABYTES PAGES
//
// Writes PAGES pages a second, here and there in so much memory, and looks before whether the page
// holds what was written last. Once a second it says how far it is and how long it was kept from
// its work at the longest (by the wall clock, so that standing still counts):
//
//     witness: at COUNT, gap MILLISECONDS ms
//
// A page with any wrong word ends it with "witness: WRONG ...".
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define WORDS 512
#define TICK  20 // of work in a second

struct page {
    uint64_t word[WORDS];
};

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15ull;
    return x ^ x >> 29;
}

static void fill(struct page *page, uint64_t key)
{
    for (unsigned i = 0; i < WORDS; i++)
        page->word[i] = mix(key) + i;
}

static void check(const struct page *page, uint64_t number, uint64_t key)
{
    for (unsigned i = 0; i < WORDS; i++)
        if (page->word[i] != mix(key) + i) {
            printf("witness: WRONG page %llu, word %u: %llx, want %llx\n",
                   (unsigned long long)number, i, (unsigned long long)page->word[i],
                   (unsigned long long)(mix(key) + i));
            exit(1);
        }
}

static uint64_t milliseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void *map(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        exit((perror("witness: mmap"), 1));
    return at;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 2 ? strtoull(argv[1], NULL, 10) * 256 : 0;
    uint64_t rate = argc > 2 ? strtoull(argv[2], NULL, 10) / TICK : 0;
    const struct timespec pause = {.tv_nsec = 1000000000 / TICK};
    struct page *pages;
    uint64_t *keys, at = 0, last, gap = 0;

    if (!count || !rate) {
        fprintf(stderr, "usage: witness MEGABYTES PAGES\n");
        return 2;
    }
    pages = map(count * sizeof(*pages));
    keys = map(count * sizeof(*keys));
    for (uint64_t n = 0; n < count; n++)
        fill(&pages[n], keys[n] = n);
    last = milliseconds();
    for (unsigned tick = 1;; tick++) {
        uint64_t now;

        for (uint64_t end = at + rate; at < end; at++) {
            uint64_t n = mix(at) % count;

            check(&pages[n], n, keys[n]);
            fill(&pages[n], keys[n] = mix(at) ^ n);
        }
        nanosleep(&pause, NULL);
        now = milliseconds();
        gap = now > last && now - last > gap ? now - last : gap;
        last = now;
        if (tick % TICK)
            continue;
        printf("witness: at %llu, gap %llu ms\n", (unsigned long long)at, (unsigned long long)gap);
        fflush(stdout);
        gap = 0;
    }
}

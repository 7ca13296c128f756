// top: what the domains use, as it changes.
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "common/json.h"
#include "vl/commands.h"
#include "vl/domains.h"
#include "vl/host.h"
#include "vl/table.h"

struct top_options {
    bool batch, json;
    double delay; // seconds
    long rounds;  // 0: without end
};

// One look at all domains.
struct look {
    struct vl_domain *domains;
    size_t count;
    double when; // seconds
};

struct line {
    const struct vl_domain *domain;
    double cpu; // percent of one CPU
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct look take_look(void)
{
    struct look look = {.when = now()};

    look.count = vl_domains(&look.domains);
    return look;
}

static double cpu_percent(const struct vl_domain *domain, double when, const struct look *before)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct xen_domctl_getdomaininfo *old = &before->domains[i].info;
        if (old->domain == domain->info.domain && when > before->when &&
            !memcmp(old->handle, domain->info.handle, sizeof(old->handle)))
            return (double)(domain->info.cpu_time - old->cpu_time) / 1e7 / (when - before->when);
    }
    return 0;
}

static int busiest_first(const void *a, const void *b)
{
    const struct line *x = a, *y = b;

    if (x->cpu != y->cpu)
        return x->cpu < y->cpu ? 1 : -1;
    return x->domain->info.domain - y->domain->info.domain;
}

static struct line *make_lines(const struct look *look, const struct look *before)
{
    struct line *lines = vl_alloc(look->count * sizeof(*lines));

    for (size_t i = 0; i < look->count; i++)
        lines[i] =
            (struct line){&look->domains[i], cpu_percent(&look->domains[i], look->when, before)};
    qsort(lines, look->count, sizeof(*lines), busiest_first);
    return lines;
}

static double memory_percent(uint64_t pages, uint64_t total)
{
    return total ? (double)pages * 100 / (double)total : 0;
}

static void print_batch(const struct look *look, const struct look *before, bool json)
{
    static const struct vl_column columns[] = {{"NAME", "name", -20, VL_TEXT},
                                               {"ID", "domid", 5, VL_NUMBER},
                                               {"STATE", "state", 6, VL_TEXT},
                                               {"CPU(sec)", "cpu_seconds", 10, VL_DECIMAL},
                                               {"CPU(%)", "cpu_percent", 6, VL_DECIMAL},
                                               {"MEM(k)", "memory_kb", 10, VL_NUMBER},
                                               {"MEM(%)", "memory_percent", 6, VL_DECIMAL},
                                               {"MAXMEM(k)", "max_memory_kb", 10, VL_NUMBER},
                                               {"VCPUS", "vcpus", 5, VL_NUMBER}};
    struct line *lines = make_lines(look, before);
    struct vl_table *table = vl_table_new(columns, 9, json);
    uint64_t total = vl_physinfo().total_pages;

    for (size_t i = 0; i < look->count; i++) {
        const struct xen_domctl_getdomaininfo *info = &lines[i].domain->info;
        uint64_t most = info->max_pages < total ? info->max_pages : total;
        char state[7];
        vl_domain_state(info, state);
        vl_table_row(table, lines[i].domain->name, (int64_t)info->domain, state,
                     (double)info->cpu_time / 1e9, lines[i].cpu, (int64_t)info->tot_pages * 4,
                     memory_percent(info->tot_pages, total), (int64_t)most * 4,
                     (int64_t)info->nr_online_vcpus);
    }
    vl_table_end(table);
    free(lines);
    fflush(stdout);
}

#define BAR 20

static const char *bar(double percent, char text[BAR + 1])
{
    int filled = (int)(percent * BAR / 100 + 0.5);

    for (int i = 0; i < BAR; i++)
        text[i] = i < filled ? '#' : '.';
    text[BAR] = 0;
    return text;
}

static unsigned screen_rows(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row ? 24 : size.ws_row;
}

static void print_screen(const struct look *look, const struct look *before, double delay)
{
    struct xen_sysctl_physinfo machine = vl_physinfo();
    struct line *lines = make_lines(look, before);
    unsigned rows = screen_rows();
    char bar1[BAR + 1], bar2[BAR + 1], state[7];

    fputs("\033[H", stdout);
    printf("vl top: %zu domain%s, %u CPU%s, memory %llu MiB, %llu free; every %.1f s, q "
           "ends\033[K\r\n\033[K\r\n",
           look->count, look->count == 1 ? "" : "s", machine.nr_cpus,
           machine.nr_cpus == 1 ? "" : "s", (unsigned long long)machine.total_pages / 256,
           (unsigned long long)machine.free_pages / 256, delay);
    printf("\033[7m%-16s %5s %-6s %5s %6s %-*s %8s %-*s\033[0m\033[K\r\n", "Name", "ID", "State",
           "VCPUs", "CPU(%)", BAR, "of its vCPUs", "Mem(MiB)", BAR, "of the machine");
    for (size_t i = 0; i < look->count && i + 4 < rows; i++) {
        const struct xen_domctl_getdomaininfo *info = &lines[i].domain->info;
        unsigned vcpus = info->nr_online_vcpus ? info->nr_online_vcpus : 1;
        vl_domain_state(info, state);
        printf("%-16.16s %5u %-6s %5u %6.1f %s %8llu %s\033[K\r\n", lines[i].domain->name,
               info->domain, state, info->nr_online_vcpus, lines[i].cpu,
               bar(lines[i].cpu / vcpus, bar1), (unsigned long long)info->tot_pages / 256,
               bar(memory_percent(info->tot_pages, machine.total_pages), bar2));
    }
    fputs("\033[J", stdout);
    fflush(stdout);
    free(lines);
}

static struct termios saved;
static bool live;

// Also called by a signal.
static void leave_screen(void)
{
    static const char former[] = "\033[?25h\033[?1049l"; // the cursor and the former screen

    if (!live)
        return;
    live = false;
    tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    if (write(STDOUT_FILENO, former, sizeof(former) - 1) < 0)
        return; // there is no screen any more
}

static void interrupted(int number)
{
    (void)number;
    leave_screen();
    _exit(VL_OK);
}

static void enter_screen(void)
{
    struct termios terminal;

    tcgetattr(STDIN_FILENO, &saved);
    terminal = saved;
    terminal.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    live = true;
    atexit(leave_screen);
    signal(SIGINT, interrupted);
    signal(SIGTERM, interrupted);
    tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
    fputs("\033[?1049h\033[?25l\033[2J", stdout);
}

// False if it is to end.
static bool pause_for(double delay)
{
    struct pollfd input = {.fd = live ? STDIN_FILENO : -1, .events = POLLIN};
    char key = 0;

    if (poll(&input, 1, (int)(delay * 1000)) > 0)
        return read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q';
    return true;
}

static struct top_options read_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"batch", no_argument, NULL, 'b'},       {"json", no_argument, NULL, 'j'},
        {"delay", required_argument, NULL, 'd'}, {"iterations", required_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},        {0}};
    struct top_options o = {.delay = 3};
    int option;

    while ((option = vl_option(argc, argv, "bjd:i:", options)) != -1) {
        o.batch |= option == 'b' || option == 'j';
        o.json |= option == 'j';
        if (option == 'd')
            o.delay = (double)vl_number(optarg, "the delay", 1, 3600);
        if (option == 'i')
            o.rounds = (long)vl_number(optarg, "the number of rounds", 1, 1000000000);
    }
    vl_operands(argc, 0, 0);
    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
        o.batch = true;
    return o;
}

int vl_top(int argc, char **argv)
{
    struct top_options o = read_options(argc, argv);
    struct look before = take_look();
    bool more = true;

    if (!o.batch)
        enter_screen();
    // The first figures come after a moment only: they are differences.
    for (long round = 0; more && (!o.rounds || round < o.rounds); round++) {
        more = pause_for(round ? o.delay : 1);
        struct look look = take_look();
        if (o.batch)
            print_batch(&look, &before, o.json);
        else
            print_screen(&look, &before, o.delay);
        vl_domains_free(before.domains, before.count);
        before = look;
    }
    vl_domains_free(before.domains, before.count);
    return VL_OK;
}

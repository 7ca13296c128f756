// The console daemon with a made-up hypervisor and store: nothing that a guest prints is lost,
// nothing that one does troubles another.
//
// sources: dom0-tools/consoled/ring.c dom0-tools/consoled/log_file.c
// sources: dom0-tools/consoled/backlog.c dom0-tools/consoled/terminal.c
// sources: dom0-tools/consoled/guest.c dom0-tools/consoled/guest_nodes.c
// sources: dom0-tools/consoled/domains.c tests/tools/console_world.c
// libraries: -levent_core
#include <CUnit/Basic.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "console_world.h"
#include "consoled/domains.h"
#include "consoled/guest.h"
#include "consoled/terminal.h"
#include "control/evtchn.h"
#include "tests/suite.h"

static struct consoled daemon_state, *const d = &daemon_state;
static char folder[] = "/tmp/vellum-consoled-XXXXXX";

static void on_ports(evutil_socket_t fd, short what, void *of)
{
    for (int port; (port = evtchn_pending(d->evtchn)) >= 0;)
        guest_event(d->by_port[port]);
}

static struct event *ports_event;

static void begin(void)
{
    memset(d, 0, sizeof(*d));
    d->settings = (struct settings){folder, folder, {100 << 20, 1}, 64 << 10};
    d->base = event_base_new();
    d->evtchn = evtchn_open();
    ports_event = event_new(d->base, d->evtchn, EV_READ | EV_PERSIST, on_ports, NULL);
    event_add(ports_event, NULL);
    domains_open(d);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static void turn(void)
{
    event_base_loop(d->base, EVLOOP_NONBLOCK);
    usleep(500);
}

// Turns of the daemon until a condition holds, for at most five seconds.
#define TURN_UNTIL(condition)                                    \
    for (double end_ = now() + 5; !(condition) && now() < end_;) \
        turn();                                                  \
    CU_ASSERT(!!(condition))

static void end(void)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[320];

    for (unsigned i = 0; i < d->domains; i++) {
        if (d->guests[i])
            guest_free(d->guests[i]);
    }
    for (unsigned i = 0; i < WORLD_DOMAINS; i++)
        CU_ASSERT(!world[i].mapped && !world[i].bound);
    domains_close(d);
    event_free(d->xs_retry);
    event_free(ports_event);
    while (
        event_base_get_num_events(d->base, EVENT_BASE_COUNT_ADDED)) // terminals waiting for readers
        event_base_loop(d->base, EVLOOP_ONCE);
    event_base_free(d->base);
    close(d->evtchn);
    free(d->by_port);
    while ((entry = readdir(dir))) {
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    closedir(dir);
    world_reset();
}

static char *contents(const char *name, size_t *len)
{
    char path[128];
    struct stat status = {0};

    snprintf(path, sizeof(path), "%s/guest-%s.log", folder, name);
    int fd = open(path, O_RDONLY);

    fstat(fd, &status);
    char *text = calloc(1, status.st_size + 1);

    *len = fd < 0 ? 0 : read(fd, text, status.st_size);
    close(fd);
    return text;
}

static bool log_is(const char *name, const char *want)
{
    size_t len;
    char *text = contents(name, &len);
    bool same = strcmp(text, want) == 0;

    free(text);
    return same;
}

static int open_terminal(unsigned domid)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/console/tty", domid);
    const char *tty = store_get(path);
    int fd = tty ? open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK) : -1;

    CU_ASSERT_FATAL(fd >= 0);
    return fd;
}

// All that can be read there now.
static bool terminal_says(int fd, const char *want)
{
    char text[256];
    size_t len = 0;

    for (double until = now() + 5; len < strlen(want) && now() < until; turn()) {
        ssize_t got = read(fd, text + len, sizeof(text) - 1 - len);

        if (got > 0)
            len += got;
    }
    text[len] = '\0';
    return strcmp(text, want) == 0;
}

static void print(unsigned domid, const char *text)
{
    CU_ASSERT_EQUAL(guest_print(domid, text, strlen(text)), strlen(text));
}

// Guests that were there first, and the links by their names.
static void test_there_before(void)
{
    char target[64] = "", path[64];

    world_domain(1, "web");
    world_domain(2, "db")->granted = false; // its page is mapped by its frame
    print(1, "booting\r\n");
    print(2, "hello\r\n");
    begin();
    CU_ASSERT(log_is("web", "booting\r\n"));
    CU_ASSERT(log_is("db", "hello\r\n"));
    int fd = open_terminal(1);
    CU_ASSERT(terminal_says(fd, "booting\r\n"));
    snprintf(path, sizeof(path), "%s/web", folder);
    CU_ASSERT(readlink(path, target, sizeof(target) - 1) > 0);
    CU_ASSERT_STRING_EQUAL(target, store_get("/local/domain/1/console/tty"));
    CU_ASSERT(world[1].notified > 0 && world[1].mapped == 1);
    close(fd);
    CU_ASSERT_EQUAL(notes, 0);
    end();
}

static void test_typing(void)
{
    char text[2000], got[2000];
    size_t sent = 0, received = 0;

    begin();
    world_domain(3, "shell");
    store_fire("@introduceDomain");
    TURN_UNTIL(store_get("/local/domain/3/console/tty"));
    int fd = open_terminal(3);
    for (unsigned i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 11 + i / 256);
    while (sent < sizeof(text)) { // more than the ring holds: the rest waits in the terminal
        ssize_t done = write(fd, text + sent, sizeof(text) - sent);
        sent += done > 0 ? done : 0;
        turn();
    }
    TURN_UNTIL(world[3].page.in_prod - world[3].page.in_cons == sizeof(world[3].page.in));
    TURN_UNTIL((received += guest_read(3, got + received, sizeof(got) - received)) == sizeof(got));
    CU_ASSERT(!memcmp(text, got, sizeof(got)));
    close(fd);
    end();
}

// It is there, prints, and dies before the daemon has looked once; its last words are kept.
static void test_dies_young(void)
{
    begin();
    world_domain(4, "mayfly");
    print(4, "panic!\r\n");
    world[4].dying = true;
    store_fire("@introduceDomain");
    store_fire("@releaseDomain");
    TURN_UNTIL(log_is("mayfly", "panic!\r\n"));
    CU_ASSERT(!world[4].mapped && !world[4].bound);
    int fd = open_terminal(4);
    CU_ASSERT(terminal_says(fd, "panic!\r\n"));
    char byte;
    TURN_UNTIL(read(fd, &byte, 1) == 0 || errno == EIO); // then the terminal is hung up
    close(fd);
    end();
}

// One that lived, printed with nobody looking, and died.
static void test_last_words(void)
{
    char path[64];

    world_domain(5, "old");
    begin();
    print(5, "first\r\n");
    TURN_UNTIL(log_is("old", "first\r\n"));
    int fd = open_terminal(5);
    world[5].bound = false; // no event comes any more
    print(5, "last\r\n");
    world[5].dying = true;
    store_fire("@releaseDomain");
    TURN_UNTIL(log_is("old", "first\r\nlast\r\n"));
    CU_ASSERT(!world[5].mapped);
    CU_ASSERT(terminal_says(fd, "first\r\nlast\r\n"));
    snprintf(path, sizeof(path), "%s/old", folder);
    CU_ASSERT(access(path, F_OK) != 0); // the link is gone
    world[5].exists = false;
    store_fire("@releaseDomain");
    TURN_UNTIL(!d->guests[5]);
    world_domain(5, "old")->life = 77; // its number and name go to another
    print(5, "new life\r\n");
    store_fire("@introduceDomain");
    TURN_UNTIL(log_is("old", "first\r\nlast\r\nnew life\r\n"));
    close(fd);
    end();
}

// Another domain has the number of one whose end was not noticed.
static void test_number_again(void)
{
    world_domain(6, "one");
    begin();
    print(6, "1");
    TURN_UNTIL(log_is("one", "1"));
    world[6].page.out_prod = world[6].page.out_cons = 0;
    world[6].life = 99;
    store_set("/local/domain/6/name", "two");
    store_fire("@introduceDomain");
    TURN_UNTIL(d->guests[6] && !strcmp(d->guests[6]->name, "two"));
    print(6, "2");
    TURN_UNTIL(log_is("two", "2"));
    CU_ASSERT(log_is("one", "1"));
    CU_ASSERT_EQUAL(world[6].mapped, 1);
    end();
}

static char pattern(size_t at)
{
    return 'a' + at * 31 / 7 % 26;
}

// Where in the pattern a terminal's text ends that begins with its start and says how much is left
// out; 0 if it is not as it says.
static size_t end_of(const char *text, size_t len)
{
    static const char note_start[] = "\r\n[vellum-consoled: ",
                      note_end[] = " the log has them]\r\n";
    const char *end = text + len;
    size_t at = 0;

    while (text < end) {
        if (*text == pattern(at)) {
            text++;
            at++;
            continue;
        }
        const char *after = strstr(text, note_end);

        if (strncmp(text, note_start, sizeof(note_start) - 1) != 0 || !after)
            return 0;
        at += strtoul(text + sizeof(note_start) - 1, NULL, 10);
        text = after + sizeof(note_end) - 1;
    }
    return at;
}

// Prints as fast as the daemon lets it, with nobody reading: the log has it all, the terminal the
// newest, another guest's line comes through at once, and the daemon holds the flood back.
static void test_flood(void)
{
    const size_t total = 3 << 20;
    char text[2048];
    size_t sent = 0, len;

    world_domain(7, "flood");
    world_domain(8, "quiet");
    begin();
    double began = now();
    unsigned most_turns = 0;

    for (unsigned line = 0; sent < total; line++) {
        size_t part = total - sent < sizeof(text) ? total - sent : sizeof(text);

        for (size_t i = 0; i < part; i++)
            text[i] = pattern(sent + i);
        sent += guest_print(7, text, part);
        if (line % 512 == 0) {
            unsigned before = world[8].page.out_cons, turns = 0;

            print(8, "x");
            for (; world[8].page.out_cons == before && turns < 100; turns++)
                event_base_loop(d->base, EVLOOP_NONBLOCK);
            most_turns = turns > most_turns ? turns : most_turns;
        }
        event_base_loop(d->base, EVLOOP_NONBLOCK);
    }
    TURN_UNTIL(world[7].page.out_cons == world[7].page.out_prod);
    CU_ASSERT(now() - began > 0.9 * (total / ALLOWANCE_BYTES - 1) * PERIOD_MS / 1000.0);
    CU_ASSERT(most_turns <= 2);
    char *log = contents("flood", &len);
    bool right = len == total;

    for (size_t i = 0; right && i < total; i++)
        right = log[i] == pattern(i);
    CU_ASSERT(right);
    free(log);
    CU_ASSERT_EQUAL(notes, 1); // said once
    CU_ASSERT_PTR_NOT_NULL(strstr(last_note, "not read as fast"));

    int fd = open_terminal(7); // what the terminal itself holds, the note, the newest
    char *got = calloc(1, 1 << 20);
    size_t have = 0;

    for (double until = now() + 1; now() < until; turn()) {
        ssize_t more = read(fd, got + have, (1 << 20) - 1 - have);

        if (more > 0) {
            have += more;
            until = now() + 1;
        }
    }
    CU_ASSERT(have > 64 << 10 && have < total);
    CU_ASSERT_EQUAL(end_of(got, have), total);
    free(got);
    close(fd);
    end();
}

// Indices without sense are skipped and said once; the console goes on, and so do others.
static void test_hostile_ring(void)
{
    world_domain(9, "evil");
    world_domain(10, "good");
    begin();
    srandom(2);
    for (unsigned i = 0; i < 300; i++) {
        world[9].page.out_prod = random() * 3;
        world[9].page.out_cons = random() * 3;
        world[9].page.in_prod = random() * 3;
        world[9].page.in_cons = random() * 3;
        guest_print(9, "x", 1);
        world[9].pending = true;
        guest_print(10, "y", 1);
        turn();
    }
    TURN_UNTIL(world[10].page.out_cons == world[10].page.out_prod);
    size_t len;
    free(contents("good", &len));
    CU_ASSERT_EQUAL(len, 300);
    CU_ASSERT_EQUAL(notes, 1);
    end();
}

// Nodes that are not there yet, make no sense, name another program's console, or change.
static void test_nodes(void)
{
    world_domain(11, "late");
    store_set("/local/domain/11/console/port", NULL);
    world_domain(12, "typed");
    store_set("/local/domain/12/console/type", "ioemu");
    begin();
    print(11, "waiting");
    turn();
    static const char *const wrong[] = {
        "", "x", "12x", "-1", " 12", "99999999999", "18446744073709551616"};
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        store_set("/local/domain/11/console/port", wrong[i]);
        turn();
        CU_ASSERT_EQUAL(world[11].mapped, 0);
    }
    store_set("/local/domain/11/console/port", "18");
    TURN_UNTIL(log_is("late", "waiting"));
    CU_ASSERT(world[11].bound);
    CU_ASSERT_EQUAL(world[12].mapped, 0);
    CU_ASSERT_PTR_NULL(store_get("/local/domain/12/console/tty"));
    world[11].port = 55; // as after a restore
    store_set("/local/domain/11/console/port", "55");
    TURN_UNTIL(d->guests[11]->remote_port == 55 && world[11].mapped == 1);
    print(11, ", again");
    TURN_UNTIL(log_is("late", "waiting, again"));
    end();
}

// What the hypervisor refuses is said; a page without a port is read at least once.
static void test_refusals(void)
{
    world_domain(13, "unmapped")->granted = false;
    world[13].frame++;
    begin();
    CU_ASSERT_EQUAL(notes, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(last_note, "map its console page"));
    world_domain(14, "unbound")->unbindable = true;
    print(14, "words");
    store_fire("@introduceDomain");
    TURN_UNTIL(log_is("unbound", "words"));
    CU_ASSERT_PTR_NOT_NULL(strstr(last_note, "bind its console's event channel"));
    end();
}

static void test_names(void)
{
    char path[128];

    world_domain(15, "../../tmp/x y");
    begin();
    print(15, "z");
    TURN_UNTIL(log_is(".._.._tmp_x_y", "z"));
    snprintf(path, sizeof(path), "%s/.._.._tmp_x_y", folder);
    CU_ASSERT(access(path, F_OK) == 0);
    CU_ASSERT_EQUAL(notes, 0);
    end();
}

// The store goes away and comes back: consoles go on, and who came meanwhile is found.
static void test_store_lost(void)
{
    world_domain(16, "steady");
    begin();
    store_lose(true);
    TURN_UNTIL(!d->xs);
    CU_ASSERT_EQUAL(notes, 1);
    print(16, "on and on");
    TURN_UNTIL(log_is("steady", "on and on"));
    world_domain(17, "fresh");
    print(17, "new");
    store_set("/local/domain/16/console/tty", NULL);
    store_lose(false);
    TURN_UNTIL(log_is("fresh", "new"));
    CU_ASSERT_PTR_NOT_NULL(store_get("/local/domain/16/console/tty"));
    CU_ASSERT_EQUAL(world[16].mapped, 1);
    end();
}

static void test_no_store_at_first(void)
{
    store_lose(true);
    world_domain(18, "early");
    begin();
    CU_ASSERT_EQUAL(notes, 1);
    store_lose(false);
    TURN_UNTIL(store_get("/local/domain/18/console/tty"));
    end();
}

static void test_many(void)
{
    begin();
    for (unsigned i = 1; i < WORLD_DOMAINS; i++) {
        char name[16];

        snprintf(name, sizeof(name), "g%u", i);
        world_domain(i, name);
        print(i, name);
    }
    store_fire("@introduceDomain");
    TURN_UNTIL(world[WORLD_DOMAINS - 1].page.out_cons > 0 && world[1].page.out_cons > 0);
    CU_ASSERT(log_is("g1", "g1") && log_is("g257", "g257") && log_is("g399", "g399"));
    for (unsigned i = 1; i < WORLD_DOMAINS; i++)
        world[i].exists = false;
    store_fire("@releaseDomain");
    TURN_UNTIL(!d->guests[1] && !d->guests[WORLD_DOMAINS - 1]);
    CU_ASSERT_EQUAL(notes, 0);
    end();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"guests that were there before", test_there_before},
        {"typing", test_typing},
        {"a guest that dies young", test_dies_young},
        {"last words", test_last_words},
        {"a number given again", test_number_again},
        {"a flood", test_flood},
        {"hostile ring", test_hostile_ring},
        {"nodes", test_nodes},
        {"refusals", test_refusals},
        {"names", test_names},
        {"store lost", test_store_lost},
        {"no store at first", test_no_store_at_first},
        {"many guests", test_many},
        CU_TEST_INFO_NULL,
    };
    int failed;

    if (!mkdtemp(folder))
        return 1;
    terminal_linger = 300;
    failed = run_suite("consoled", tests);
    rmdir(folder);
    return failed;
}

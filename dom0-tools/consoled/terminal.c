#include "consoled/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "consoled/backlog.h"

#define LINGER_STEP_MS 50

unsigned terminal_linger = 10000;

struct terminal {
    int master, slave;
    char name[64];
    struct backlog backlog;
    struct typing typing;
    struct event *readable, *writable, *linger;
    unsigned lingered; // in ms
};

// --- out ---

static void write_backlog(struct terminal *terminal)
{
    const char *text;
    size_t len;

    while ((text = backlog_next(&terminal->backlog, &len))) {
        ssize_t done = write(terminal->master, text, len);

        if (done <= 0) {
            event_add(terminal->writable, NULL);
            return;
        }
        backlog_written(&terminal->backlog, done);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *of)
{
    write_backlog(of);
}

bool terminal_show(struct terminal *terminal, const char *text, size_t len)
{
    bool before = terminal->backlog.dropped;

    backlog_add(&terminal->backlog, text, len);
    write_backlog(terminal);
    return terminal->backlog.dropped && !before;
}

// --- in ---

static void on_readable(evutil_socket_t fd, short what, void *of)
{
    struct terminal *terminal = of;
    char text[1024];
    size_t room = terminal->typing.room(terminal->typing.of);
    ssize_t len =
        room ? read(terminal->master, text, room < sizeof(text) ? room : sizeof(text)) : 0;

    if (len > 0)
        terminal->typing.typed(terminal->typing.of, text, len);
    if (len > 0 || (len < 0 && errno == EAGAIN))
        terminal_listen(terminal);
}

void terminal_listen(struct terminal *terminal)
{
    if (terminal->typing.room(terminal->typing.of))
        event_add(terminal->readable, NULL);
}

// --- life ---

static void on_linger(evutil_socket_t fd, short what, void *of)
{
    static const struct timeval step = {0, LINGER_STEP_MS * 1000};
    struct terminal *terminal = of;
    size_t len;
    int unread = 0;

    ioctl(terminal->slave, TIOCINQ, &unread);
    bool read = !unread && !backlog_next(&terminal->backlog, &len);

    // What was written a moment ago may still be on its way to the reader's end: the first look
    // does not count.
    if (terminal->lingered && (read || terminal->lingered >= terminal_linger)) {
        terminal_close(terminal);
        return;
    }
    terminal->lingered += LINGER_STEP_MS;
    evtimer_add(terminal->linger, &step);
}

static bool open_pty(struct terminal *terminal)
{
    struct termios mode;

    terminal->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal->master < 0 || grantpt(terminal->master) || unlockpt(terminal->master) ||
        ptsname_r(terminal->master, terminal->name, sizeof(terminal->name)))
        return false;
    terminal->slave = open(terminal->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal->slave < 0 || tcgetattr(terminal->slave, &mode))
        return false;
    cfmakeraw(&mode);
    return tcsetattr(terminal->slave, TCSANOW, &mode) == 0 &&
           fcntl(terminal->master, F_SETFL, O_NONBLOCK) == 0;
}

static bool make_events(struct terminal *terminal, struct event_base *base)
{
    terminal->readable = event_new(base, terminal->master, EV_READ, on_readable, terminal);
    terminal->writable = event_new(base, terminal->master, EV_WRITE, on_writable, terminal);
    terminal->linger = evtimer_new(base, on_linger, terminal);
    errno = ENOMEM;
    return terminal->readable && terminal->writable && terminal->linger;
}

int terminal_open(struct terminal **out, struct event_base *base, size_t backlog,
                  struct typing typing)
{
    struct terminal *terminal = calloc(1, sizeof(*terminal));

    if (!terminal)
        return -ENOMEM;
    terminal->master = terminal->slave = -1;
    terminal->typing = typing;
    if (backlog_init(&terminal->backlog, backlog) && open_pty(terminal) &&
        make_events(terminal, base)) {
        *out = terminal;
        return 0;
    }
    int error = errno;

    terminal_close(terminal);
    return -error;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

void terminal_close(struct terminal *terminal)
{
    free_event(terminal->readable);
    free_event(terminal->writable);
    free_event(terminal->linger);
    if (terminal->master >= 0)
        close(terminal->master);
    if (terminal->slave >= 0)
        close(terminal->slave);
    backlog_free(&terminal->backlog);
    free(terminal);
}

uint64_t terminal_release(struct terminal *terminal)
{
    uint64_t dropped = terminal->backlog.dropped;

    event_del(terminal->readable);
    on_linger(-1, 0, terminal);
    return dropped;
}

const char *terminal_name(const struct terminal *terminal)
{
    return terminal->name;
}

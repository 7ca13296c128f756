#include "tests/tools/libxenstore_kit.h"

#include <CUnit/Basic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct xs_handle *h;

void begin(void)
{
    peer_start();
    h = xs_open(0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(h);
}

void end(void)
{
    xs_close(h);
    CU_ASSERT(peer_content());
    peer_stop();
}

bool readable(int fd, int milliseconds)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, milliseconds) == 1;
}

void event(struct bytes *to, const char *path, const char *token)
{
    char body[256];
    int len = snprintf(body, sizeof(body), "%s%c%s", path, 0, token) + 1;

    add_message(to, XS_WATCH_EVENT, body, len);
}

bool event_is(char **vector, const char *path, const char *token)
{
    bool same =
        vector && !strcmp(vector[XS_WATCH_PATH], path) && !strcmp(vector[XS_WATCH_TOKEN], token);

    if (!same)
        printf("event: want %s %s, got %s %s\n", path, token, vector ? vector[0] : "none",
               vector ? vector[1] : "");
    free(vector);
    return same;
}

void watch(const char *path, const char *token)
{
    char request[128];
    int len = snprintf(request, sizeof(request), "%s%c%s", path, 0, token) + 1;

    ANSWER(XS_WATCH, 0, request, len);
    CU_ASSERT_FATAL(xs_watch(h, path, token));
}

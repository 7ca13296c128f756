// Requests about domains, and of the daemon itself.
#include "xenstore/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A request whose texts are numbers.
static char *talk_numbers(struct xs_handle *h, enum xsd_sockmsg_type type,
                          const unsigned long *numbers, unsigned count)
{
    char texts[3][MAX_STRLEN(unsigned long)];
    struct iovec parts[3];

    for (unsigned i = 0; i < count; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%lu", numbers[i]);
        parts[i] = xs_text(texts[i]);
    }
    return xs_talk(h, XBT_NULL, type, parts, count, NULL);
}

static char *talk_number(struct xs_handle *h, enum xsd_sockmsg_type type, unsigned long number)
{
    return talk_numbers(h, type, &number, 1);
}

bool xs_introduce_domain(struct xs_handle *h, unsigned int domid, unsigned long mfn,
                         unsigned int eventchn)
{
    return xs_obeyed(talk_numbers(h, XS_INTRODUCE, (unsigned long[]){domid, mfn, eventchn}, 3));
}

bool xs_set_target(struct xs_handle *h, unsigned int domid, unsigned int target)
{
    return xs_obeyed(talk_numbers(h, XS_SET_TARGET, (unsigned long[]){domid, target}, 2));
}

bool xs_resume_domain(struct xs_handle *h, unsigned int domid)
{
    return xs_obeyed(talk_number(h, XS_RESUME, domid));
}

bool xs_release_domain(struct xs_handle *h, unsigned int domid)
{
    return xs_obeyed(talk_number(h, XS_RELEASE, domid));
}

bool xs_is_domain_introduced(struct xs_handle *h, unsigned int domid)
{
    char *answer = talk_number(h, XS_IS_DOMAIN_INTRODUCED, domid);
    bool introduced = answer && strcmp(answer, "T") == 0;

    free(answer);
    return introduced;
}

char *xs_get_domain_path(struct xs_handle *h, unsigned int domid)
{
    return talk_number(h, XS_GET_DOMAIN_PATH, domid);
}

char *xs_control_command(struct xs_handle *h, const char *cmd, void *data, unsigned int len)
{
    const struct iovec parts[] = {xs_text(cmd), {data, len}};

    return xs_talk(h, XBT_NULL, XS_CONTROL, parts, 2, NULL);
}

char *xs_debug_command(struct xs_handle *h, const char *cmd, void *data, unsigned int len)
{
    return xs_control_command(h, cmd, data, len);
}

int xs_suspend_evtchn_port(int domid)
{
    char path[sizeof("/local/domain//device/suspend/event-channel") + MAX_STRLEN(domid)];
    struct xs_handle *h = xs_open(0);

    if (!h)
        return -1;
    snprintf(path, sizeof(path), "/local/domain/%d/device/suspend/event-channel", domid);
    char *port = xs_read(h, XBT_NULL, path, NULL);
    int number = port && *port ? atoi(port) : -1;

    free(port);
    xs_close(h);
    return number;
}

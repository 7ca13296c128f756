// What the toolstack tells of domains: INTRODUCE, RELEASE, RESUME, SET_TARGET and what goes with
// them.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/request.h"
#include "store/state.h"

int request_introduce(struct request *request)
{
    const char *texts[3];
    unsigned domid;
    long frame, port;
    int error;

    if (request_texts(request, texts, 3) < 3)
        return -EINVAL;
    domid = (unsigned)atoi(texts[0]);
    frame = strtol(texts[1], NULL, 10);
    port = strtol(texts[2], NULL, 10);
    if (port <= 0 || port > UINT32_MAX || !domid || domid >= DOMID_FIRST_RESERVED)
        return -EINVAL;
    error = store_introduce(request->store, domid, (uint64_t)frame, (uint32_t)port);
    if (error)
        return -EINVAL; // why is in the log
    request_acknowledge(request);
    return 0;
}

// The introduced domain that a text names: 0 or -errno.
static int introduced(struct request *request, const char *text, struct domain **domain)
{
    *domain = text ? store_domain(request->store, (unsigned)atoi(text)) : NULL;
    if (!text)
        return -EINVAL;
    return *domain && (*domain)->introduced ? 0 : -ENOENT;
}

// The same of a request that names nothing else, and not domain 0.
static int only_introduced(struct request *request, struct domain **domain)
{
    const char *text = request_only_text(request);

    return text && !atoi(text) ? -EINVAL : introduced(request, text, domain);
}

int request_release(struct request *request)
{
    struct domain *domain;
    int error = only_introduced(request, &domain);

    if (error)
        return error;
    store_release(request->store, domain);
    request_acknowledge(request);
    return 0;
}

int request_resume(struct request *request)
{
    struct domain *domain;
    int error = only_introduced(request, &domain);

    if (error)
        return error;
    domain->shut_down = false;
    state_domain(request->store, domain);
    request_acknowledge(request);
    return 0;
}

int request_set_target(struct request *request)
{
    const char *texts[2];
    struct domain *domain, *target;
    int error;

    if (request_texts(request, texts, 2) < 2)
        return -EINVAL;
    error = introduced(request, texts[0], &domain) ?: introduced(request, texts[1], &target);
    if (error)
        return error;
    store_set_target(domain, target);
    request_acknowledge(request);
    return 0;
}

int request_get_domain_path(struct request *request)
{
    const char *text = request_only_text(request);
    char home[PATH_HOME_MAX];

    if (!text)
        return -EINVAL;
    path_home(home, (unsigned)atoi(text));
    request_reply_text(request, home);
    return 0;
}

int request_is_domain_introduced(struct request *request)
{
    const char *text = request_only_text(request);
    struct domain *domain;

    if (!text)
        return -EINVAL;
    request_reply_text(request,
                       atoi(text) == DOMID_SELF || !introduced(request, text, &domain) ? "T" : "F");
    return 0;
}

// CONTROL: what an administrator may see and set, by the command names of Xen's store.
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/log.h"
#include "store/request.h"
#include "store/state.h"

#define WORDS_MAX 16

// A text reply in the making; what does not fit is left out.
struct report {
    char text[XENSTORE_PAYLOAD_MAX];
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct report *report, const char *format,
                                                      ...)
{
    size_t room = sizeof(report->text) - report->used;
    va_list list;
    int n;

    va_start(list, format);
    n = vsnprintf(report->text + report->used, room, format, list);
    va_end(list);
    report->used += (size_t)n < room ? (size_t)n : room - 1;
}

struct command {
    const char *name;
    int (*run)(struct request *request, char **words, unsigned count);
    const char *arguments;
};

static int done(struct request *request, int error)
{
    if (!error)
        request_acknowledge(request);
    return error;
}

static int control_check(struct request *request, char **words, unsigned count)
{
    return count ? -EINVAL : done(request, store_check(request->store) ? -EIO : 0);
}

static int control_log(struct request *request, char **words, unsigned count)
{
    if (count != 1 || (strcmp(words[0], "on") && strcmp(words[0], "off")))
        return -EINVAL;
    return done(request, trace_switch(!strcmp(words[0], "on")));
}

static int control_logfile(struct request *request, char **words, unsigned count)
{
    return count == 1 ? done(request, trace_file(words[0])) : -EINVAL;
}

static unsigned count_nodes(const struct node *node)
{
    return node ? 1 + count_nodes(node->left) + count_nodes(node->right) +
                      count_nodes(node->children)
                : 0;
}

static void report_memory(struct store *store, struct report *report)
{
    struct mallinfo2 info = mallinfo2();
    unsigned sockets = 0, domains = 0, transactions = 0;

    for (struct connection *c = store->connections; c; c = c->next) {
        *(c->domain ? &domains : &sockets) += 1;
        transactions += c->transaction_count;
    }
    add(report, "heap: %zu bytes used, %zu free, %zu mapped\n", info.uordblks, info.fordblks,
        info.hblkhd);
    add(report, "nodes: %u\nwatches: %zu\ntransactions: %u\n", count_nodes(store->root),
        store->watches.count, transactions);
    add(report, "connections: %u domains, %u sockets\n", domains, sockets);
    add(report, "state: %zu bytes\n", state_size(store));
    add(report, "messages: %" PRIu64 ", conflicts: %" PRIu64 "\n", store->messages,
        store->conflicts);
}

static int control_memreport(struct request *request, char **words, unsigned count)
{
    const char *name = count ? words[0] : trace_name();
    struct report report = {.used = 0};
    FILE *file;

    if (count > 1)
        return -EINVAL;
    if (!name[0])
        return -EBADF;
    file = fopen(name, "ae");
    if (!file)
        return -EBADF;
    report_memory(request->store, &report);
    fputs(report.text, file);
    return done(request, fclose(file) ? -EIO : 0);
}

static int control_print(struct request *request, char **words, unsigned count)
{
    if (count != 1)
        return -EINVAL;
    log_info("control: %s", words[0]);
    return done(request, 0);
}

static int show_limits(struct request *request, bool soft)
{
    struct report report = {.used = 0};

    add(&report, "Quota settings:\n");
    for (unsigned i = soft ? QUOTA_HARD_COUNT : 0; i < (soft ? QUOTA_COUNT : QUOTA_HARD_COUNT); i++)
        add(&report, "%-17s: %8u %s\n", quota_names[i], request->store->limits[i],
            quota_descriptions[i]);
    request_reply_text(request, report.text);
    return 0;
}

static int set_limit(struct request *request, const char *name, const char *value, bool soft)
{
    enum quota quota = quota_by_name(name, soft);
    char *end;
    unsigned long limit = strtoul(value, &end, 10);

    if (quota == QUOTA_COUNT || *end || !value[0] || limit > INT32_MAX)
        return -EINVAL;
    request->store->limits[quota] = (uint32_t)limit;
    state_quota(request->store, quota);
    return done(request, 0);
}

static int show_domain(struct request *request, const char *text)
{
    char *end;
    unsigned long domid = strtoul(text, &end, 10);
    struct domain *domain = *end || !text[0] ? NULL : store_domain(request->store, (unsigned)domid);
    struct connection *connection = domain ? domain->connection : NULL;
    struct report report = {.used = 0};

    if (*end || !text[0])
        return -EINVAL;
    if (!domain)
        return -ENOENT;
    add(&report, "Domain %u:\n", domain->domid);
    add(&report, "%-16s: %8" PRIu64 "\n", "nodes", domain->nodes);
    add(&report, "%-16s: %8u\n", "watches", connection ? connection->watch_count : 0);
    add(&report, "%-16s: %8u\n", "transactions", connection ? connection->transaction_count : 0);
    add(&report, "%-16s: %8u\n", "outstanding", connection ? connection->replies : 0);
    add(&report, "%-16s: %8" PRIu64 "\n", "memory", domain->memory);
    for (unsigned i = 0; i < QUOTA_COUNT; i++)
        if (domain->hits[i])
            add(&report, "hit %s%-12s: %8" PRIu64 "\n", i >= QUOTA_HARD_COUNT ? "soft " : "",
                quota_names[i], domain->hits[i]);
    if (domain->events_lost)
        add(&report, "%-16s: %8" PRIu64 "\n", "events lost", domain->events_lost);
    if (connection && connection->ignored)
        add(&report, "ignored: it broke the protocol\n");
    request_reply_text(request, report.text);
    return 0;
}

static int control_quota(struct request *request, char **words, unsigned count)
{
    if (!count)
        return show_limits(request, false);
    if (count == 3 && !strcmp(words[0], "set"))
        return set_limit(request, words[1], words[2], false);
    return count == 1 ? show_domain(request, words[0]) : -EINVAL;
}

static int control_quota_soft(struct request *request, char **words, unsigned count)
{
    if (!count)
        return show_limits(request, true);
    return count == 3 && !strcmp(words[0], "set") ? set_limit(request, words[1], words[2], true)
                                                  : -EINVAL;
}

static int control_live_update(struct request *request, char **words, unsigned count)
{
    const struct store_host *host = &request->store->host;
    const char *reason = NULL;
    int error;

    if (!count)
        return -EINVAL;
    if (!host->live_update)
        return -ENOSYS;
    error =
        host->live_update(host->arg, request->connection, request->header, words, count, &reason);
    if (!error && reason)
        request_reply_text(request, reason);
    return error;
}

static int control_help(struct request *request, char **words, unsigned count);

static const struct command commands[] = {
    {"check", control_check, ""},
    {"log", control_log, "on|off"},
    {"quota", control_quota, "[set <name> <val>|<domid>]"},
    {"quota-soft", control_quota_soft, "[set <name> <val>]"},
    {"live-update", control_live_update,
     "[-c <cmdline>] [-F] [-t <timeout>] <file>\n    Default timeout is 60 seconds."},
    {"logfile", control_logfile, "<file>"},
    {"memreport", control_memreport, "[<file>]"},
    {"print", control_print, "<string>"},
    {"help", control_help, ""},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int control_help(struct request *request, char **words, unsigned count)
{
    struct report report = {.used = 0};

    if (count)
        return -EINVAL;
    for (unsigned i = 0; i < COMMANDS; i++)
        add(&report, "%s\t%s\n", commands[i].name, commands[i].arguments);
    request_reply_text(request, report.text);
    return 0;
}

int request_control(struct request *request)
{
    const char *texts[WORDS_MAX];
    unsigned count = request_texts(request, texts, WORDS_MAX);

    if (!count || count > WORDS_MAX)
        return -EINVAL;
    for (unsigned i = 0; i < COMMANDS; i++)
        if (!strcmp(texts[0], commands[i].name))
            return commands[i].run(request, (char **)texts + 1, count - 1);
    return -EINVAL;
}

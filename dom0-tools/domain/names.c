// Names of domains: who has which, and that no two have the same.
//
// Xenstore knows each domain's name but not who has a name, and other toolstacks write there too,
// so that all are looked through, by requests that go together. Whoever gives a name holds a lock
// that stands for it meanwhile, lest two give the same at once.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain/impl.h"
#include "xenstore/extensions.h"

#define LOCK_FOLDER "/run/vellum"
#define LOCK_FILE   LOCK_FOLDER "/names.lock"

struct answers {
    char **next;
    int error; // the first but that there is no such node
};

static void take(void *arg, const char *path, char *name)
{
    struct answers *answers = arg;

    if (!name && errno != ENOENT && !answers->error)
        answers->error = -errno;
    *answers->next++ = name;
}

int domain_names(struct xs_handle *store, const domid_t *ids, size_t count, char **names)
{
    struct xs_batch *batch = xs_batch_new(store, XBT_NULL);
    struct answers answers = {names, 0};
    char path[DOMAIN_PATH_MAX];
    int rc = -ENOMEM;

    memset(names, 0, count * sizeof(*names));
    for (size_t i = 0; batch && i < count; i++) {
        snprintf(path, sizeof(path), "/local/domain/%u/name", ids[i]);
        xs_batch_read(batch, path);
    }
    if (batch)
        rc = xs_batch_run(batch, take, &answers) ? answers.error : -errno;
    xs_batch_free(batch);
    return rc;
}

static int find_among(struct xs_handle *store, char *const *texts, unsigned count, const char *name)
{
    domid_t *ids = calloc(count + 1, sizeof(*ids));
    char **names = calloc(count + 1, sizeof(*names));
    int found = ids && names ? -ESRCH : -ENOMEM;

    for (unsigned i = 0; found == -ESRCH && i < count; i++)
        ids[i] = (domid_t)strtoul(texts[i], NULL, 10);
    if (found == -ESRCH)
        found = domain_names(store, ids, count, names) ?: -ESRCH;
    for (unsigned i = 0; names && i < count; i++) {
        if (names[i] && found == -ESRCH && !strcmp(names[i], name))
            found = ids[i];
        free(names[i]);
    }
    free(names);
    free(ids);
    return found;
}

int domain_find(const struct toolstack *t, const char *name)
{
    unsigned count = 0;
    char **texts = xs_directory(t->store, XBT_NULL, "/local/domain", &count);
    int found = errno == ENOENT ? -ESRCH : -errno;

    if (texts)
        found = find_among(t->store, texts, count, name);

    free(texts);
    return found;
}

// Each name has a byte of one file. Two names that share theirs only wait for each other.
static off_t byte_of(const char *name)
{
    uint32_t hash = 2166136261u;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash & 0x7fffffff;
}

int name_claim(const struct toolstack *t, const char *name)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    int fd, rc;

    mkdir(LOCK_FOLDER, 0755);
    fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return domain_fail(t, -errno, "cannot open %s, which keeps names unique", LOCK_FILE);
    lock.l_start = byte_of(name);
    do
        rc = fcntl(fd, F_OFD_SETLKW, &lock) ? -errno : 0;
    while (rc == -EINTR);
    if (rc) {
        close(fd);
        return domain_fail(t, rc, "cannot lock %s, which keeps names unique", LOCK_FILE);
    }
    return fd;
}

void name_release(int claim)
{
    if (claim >= 0)
        close(claim);
}

#include "domain/userdata.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain/impl.h"

#define USERDATA_BYTES_MAX (1 << 20)

static int userdata_path(const struct toolstack *t, domid_t id, char path[DOMAIN_PATH_MAX])
{
    struct xen_domctl_getdomaininfo info;
    char uuid[UUID_TEXT_MAX];
    int rc = domain_info(t, id, &info);

    if (rc)
        return rc;
    domain_uuid_text(info.handle, uuid);
    snprintf(path, DOMAIN_PATH_MAX, USERDATA_FOLDER "/userdata-d.%u.%s.libxl-json", id, uuid);
    return 0;
}

// A new file takes the old one's place only when it is complete.
static int replace_file(const char *path, const char *text)
{
    char part[DOMAIN_PATH_MAX + 8];
    int fd, rc = 0;

    mkdir(USERDATA_FOLDER, 0755);
    snprintf(part, sizeof(part), "%s.new", path);
    fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (!xs_write_all(fd, text, (unsigned)strlen(text)))
        rc = -errno;
    if (close(fd) && !rc)
        rc = -errno;
    if (!rc && rename(part, path))
        rc = -errno;
    if (rc)
        unlink(part);
    return rc;
}

int userdata_store(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    char path[DOMAIN_PATH_MAX] = USERDATA_FOLDER;
    char *json = domain_config_to_json(config);
    int rc = json ? userdata_path(t, id, path) : -ENOMEM;

    if (!rc)
        rc = replace_file(path, json);
    free(json);
    return rc ? domain_fail(t, rc, "the configuration of domain %u cannot be kept (%s)", id, path)
              : 0;
}

static int read_file(const char *path, char **text, size_t *len)
{
    FILE *file = fopen(path, "re");
    int rc = 0;

    if (!file)
        return -errno;
    *text = malloc(USERDATA_BYTES_MAX);
    if (*text)
        *len = fread(*text, 1, USERDATA_BYTES_MAX, file);
    if (!*text || ferror(file))
        rc = *text ? -EIO : -ENOMEM;
    fclose(file);
    return rc;
}

int userdata_load(const struct toolstack *t, domid_t id, struct domain_config **config)
{
    char path[DOMAIN_PATH_MAX];
    char *text = NULL;
    size_t len = 0;
    int rc = userdata_path(t, id, path);

    if (!rc)
        rc = read_file(path, &text, &len);
    if (!rc)
        rc = domain_config_from_json(text, len, t->messages, config);
    free(text);
    return rc;
}

void userdata_remove(domid_t id)
{
    char pattern[DOMAIN_PATH_MAX];
    glob_t found = {0};

    snprintf(pattern, sizeof(pattern), USERDATA_FOLDER "/userdata-?.%u.*", id);
    if (!glob(pattern, 0, NULL, &found))
        for (size_t i = 0; i < found.gl_pathc; i++)
            unlink(found.gl_pathv[i]);
    globfree(&found);
}

/* identity.c - see identity.h. */
#include "common/kafka/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_SIZE 64

/* The store is written without fsync, so it is not trusted after a crash of the machine. */
static int read_boot_id(char out[BOOT_ID_SIZE], struct error *err)
{
    FILE *file = fopen(BOOT_ID_PATH, "r");
    char *line;

    if (file == NULL)
        return error_set(err, -EIO, "cannot read %s: %s", BOOT_ID_PATH, strerror(errno));
    line = fgets(out, BOOT_ID_SIZE, file);
    fclose(file);
    if (line == NULL)
        return error_set(err, -EIO, "%s is empty", BOOT_ID_PATH);
    out[strcspn(out, "\n")] = '\0';
    return 0;
}

int store_identity(const struct topics *topics, const char *format, char *out, size_t size,
                   struct error *err)
{
    char boot_id[BOOT_ID_SIZE];
    size_t len;
    int r = read_boot_id(boot_id, err);

    if (r < 0)
        return r;
    len = (size_t)snprintf(out, size, "format %s\nschemas %s\ncluster %s\nboot %s\n", format,
                           SCHEMAS_FINGERPRINT, topics->cluster_id, boot_id);
    for (size_t i = 0; i < topics->count && len < size; i++)
        len += (size_t)snprintf(out + len, size - len, "topic %s %s %d\n", topics->list[i].name,
                                topics->list[i].id, (int)topics->list[i].partition_count);
    return len < size ? 0 : error_set(err, -ENOBUFS, "the store's identity is too long");
}

/* store_files.c - see store_files.h. */
#include "common/kafka/store_files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/directory.h"
#include "common/base/util.h"

#define STORE_FILE_PATH_SIZE (DIRECTORY_PATH_SIZE + 16)
#define STORE_IDENTITY_MAX 8192

static bool identity_matches(const char *path, const char *identity)
{
    char found[STORE_IDENTITY_MAX];
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return false;
    size_t len = fread(found, 1, sizeof(found) - 1, file);
    fclose(file);
    found[len] = '\0';
    return str_equal(found, identity);
}

static int write_identity(const char *path, const char *identity, struct error *err)
{
    FILE *file = fopen(path, "w");

    if (file == NULL)
        return error_set(err, -errno, "cannot write %s: %s", path, strerror(errno));
    bool written = fputs(identity, file) >= 0;
    if (fclose(file) != 0 || !written)
        return error_set(err, -EIO, "cannot write %s: %s", path, strerror(errno));
    return 0;
}

/*
 * The content goes first and the new name last: a crash in between leaves an unnamed, empty
 * store, which the next start discards again.
 */
int store_files_prepare(const char *directory, const char *identity, struct error *err)
{
    static const char *const files[] = {"identity", "data.mdb", "lock.mdb"};
    char path[STORE_FILE_PATH_SIZE];
    int r = directory_make(directory, err);

    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "%s/identity", directory);
    if (identity_matches(path, identity))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
        if (unlink(path) < 0 && errno != ENOENT)
            return error_set(err, -errno, "cannot remove %s: %s", path, strerror(errno));
    }
    snprintf(path, sizeof(path), "%s/identity", directory);
    return write_identity(path, identity, err);
}

int store_files_condemn(const char *directory, struct error *err)
{
    char path[STORE_FILE_PATH_SIZE];

    snprintf(path, sizeof(path), "%s/identity", directory);
    if (unlink(path) < 0 && errno != ENOENT)
        return error_set(err, -errno, "cannot remove %s: %s", path, strerror(errno));
    return 0;
}

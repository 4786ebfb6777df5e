/* directory.c - see directory.h. */
#include "common/base/directory.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/util.h"

#define DIRECTORY_MODE 0750

int directory_make(const char *path, struct error *err)
{
    char part[DIRECTORY_PATH_SIZE];

    str_copy(part, sizeof(part), path);
    for (char *p = part + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char kept = *p;
        *p = '\0';
        if (mkdir(part, DIRECTORY_MODE) < 0 && errno != EEXIST)
            return error_set(err, -errno, "cannot create directory %s: %s", part, strerror(errno));
        *p = kept;
        if (kept == '\0')
            return 0;
    }
}

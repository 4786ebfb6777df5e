/* temp_directory.c - see temp_directory.h. */
#include "tests/runtime/temp_directory.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILES_MAX 16 /* that nftw() may have open */

static char root[TEMP_DIRECTORY_SIZE];

void temp_directories_start(void)
{
    const char *parent = getenv("TMPDIR");

    snprintf(root, sizeof(root), "%.80s/order-saga-test-XXXXXX", parent != NULL ? parent : "/tmp");
    if (mkdtemp(root) == NULL) {
        perror(root);
        exit(EXIT_FAILURE);
    }
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void temp_directories_stop(void)
{
    if (nftw(root, remove_one, FILES_MAX, FTW_DEPTH | FTW_PHYS) != 0)
        perror(root);
}

void temp_directory_new(char out[TEMP_DIRECTORY_SIZE])
{
    ck_assert_int_lt(snprintf(out, TEMP_DIRECTORY_SIZE, "%.100s/XXXXXX", root),
                     TEMP_DIRECTORY_SIZE);
    ck_assert_ptr_nonnull(mkdtemp(out));
}

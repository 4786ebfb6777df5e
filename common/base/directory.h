/* directory.h - directories on disk. */
#pragma once

#include "common/base/error.h"

/* Bytes of a path, with NUL. */
#define DIRECTORY_PATH_SIZE 4096

/* Creates `path` (borrowed) with its parents where they are missing. 0 or a negative errno. */
int directory_make(const char *path, struct error *err);

/*
 * store_files.h - the files of a local store, from outside: what it was made from, and throwing it
 * away. Private to store.c.
 */
#pragma once

#include "common/base/error.h"

/*
 * Creates the directory if it is missing, and empties it unless the identity in it is this one.
 * Returns 0 or a negative errno.
 */
int store_files_prepare(const char *directory, const char *identity, struct error *err);

/* The next store_files_prepare() will empty the directory. Returns 0 or a negative errno. */
int store_files_condemn(const char *directory, struct error *err);

/*
 * resident.h - keeps the mapped pages of a local store from counting as memory of this process for
 * ever. The kernel could drop them at any time, but a limit on memory counts them. Private to
 * store.c.
 */
#pragma once

#include <stddef.h>

/* Mapped pages of the process, libraries included, above which ours are given back. */
#define RESIDENT_BYTES_MAX (40U << 20)

struct resident {
    void *map;    /* where the file is mapped; NULL: not known */
    int statm_fd; /* what the kernel says of our memory; -1: nothing */
};

/* Finds where the open file `fd` is mapped in this process. If it cannot, nothing is ever done. */
void resident_open(struct resident *resident, int fd);
void resident_close(struct resident *resident);

/*
 * Gives back the pages of the first `size` bytes of the map if there are too many. They come again,
 * at a soft fault each. Safe beside readers and writers if the map is read-only and file-backed.
 * Takes a microsecond. Any thread.
 */
void resident_trim(const struct resident *resident, size_t size);

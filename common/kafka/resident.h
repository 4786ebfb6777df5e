/*
 * resident.h - keeps the mapped pages of a local store from counting as memory of this process for
 * ever. The kernel could drop them at any time, but a limit on memory counts them. Private to
 * store.c.
 */
#pragma once

#include <stddef.h>

/* Mapped pages of the process, libraries included, above which ours are given back. */
#define RESIDENT_BYTES_MAX (40U << 20)

/* Where the open file `fd` is mapped in this process; NULL if that cannot be found out. */
void *resident_find_map(int fd);

/*
 * Gives back the pages of the first `size` bytes of `map` if there are too many. They come again,
 * at a soft fault each. Safe beside readers and writers if the map is read-only and file-backed.
 * Takes some microseconds. Any thread.
 */
void resident_trim(void *map, size_t size);

/*
 * overlay.h - the last events that an open batch has read or written, by topic and key. In memory
 * only; emptied when the batch ends. Private to ledger.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event/event.h"

struct overlay_entry {
    const struct event *event; /* in the overlay's memory; NULL: the slot is free */
    enum topic topic;
    uint32_t hash;
    bool written; /* by this batch; otherwise only read */
};

struct overlay {
    struct overlay_entry *slots; /* open addressing, linear probing */
    size_t slot_count;           /* a power of two */
    uint32_t *used;              /* the slots that are not free, in the order of their first use */
    size_t entry_count;
    struct overlay_chunk *chunks; /* events, one after the other; kept for the next batch */
    struct overlay_chunk *current;
    size_t bytes;
};

/* `slot_count` is a power of two, at least twice the entries to be held. Returns 0 or -ENOMEM. */
int overlay_init(struct overlay *overlay, size_t slot_count);
void overlay_done(struct overlay *overlay);
void overlay_clear(struct overlay *overlay);

/* NULL: not here. Borrowed until overlay_clear(). */
struct overlay_entry *overlay_find(struct overlay *overlay, enum topic topic, const char *key);

/* Copies `size` bytes of an event, and returns the entry; replaces an older one. NULL: no
   memory. */
struct overlay_entry *overlay_put(struct overlay *overlay, const void *event, size_t size,
                                  bool written);

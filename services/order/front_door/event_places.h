/*
 * event_places.h - where events stand: those that were told lately, in a table of fixed size. An
 * entry gives way to any other that falls on its place. One thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/uuid.h"

/* A power of two; about 0.5 MiB. */
#define EVENT_PLACES_MAX 8192

struct stream_place {
    size_t topic; /* in history_topics */
    int32_t partition;
    int64_t offset;
};

struct event_places {
    struct {
        char event_id[UUID_SIZE]; /* "": empty */
        struct stream_place place;
    } entries[EVENT_PLACES_MAX];
};

/* NULL: not known. Borrowed until the next put. */
const struct stream_place *event_places_get(const struct event_places *places,
                                            const char *event_id);

void event_places_put(struct event_places *places, const char *event_id,
                      const struct stream_place *place);

/*
 * timeline.h - the events of one order in the order in which they make sense: by time, but never
 * an effect before its cause, whatever the clocks of the services said. Pure data, no Kafka.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/event/event.h"

/* An order has about ten; more are counted, not kept. */
#define TIMELINE_EVENTS_MAX 1000

struct timeline_entry {
    int32_t partition;
    int64_t offset;
    struct event *event; /* owned by the timeline; its type says which topic it is of */
    const struct timeline_entry *cause; /* of the same timeline, or NULL; after timeline_sort() */
};

/* One of zeros is empty. Ended with timeline_done(). */
struct timeline {
    size_t count;
    size_t dropped; /* beyond TIMELINE_EVENTS_MAX */
    struct timeline_entry entries[TIMELINE_EVENTS_MAX];
};

/* The event is copied. Returns 0 or -ENOMEM. */
int timeline_add(struct timeline *timeline, int32_t partition, int64_t offset,
                 const struct event *event, struct error *err);

/* Once, when all events are there. */
void timeline_sort(struct timeline *timeline);

/* The last event of that type, or NULL. Borrowed. */
const struct timeline_entry *timeline_find(const struct timeline *timeline, enum event_type type);

/* The event that ended the order, or NULL. Borrowed. */
const struct timeline_entry *timeline_outcome(const struct timeline *timeline);

void timeline_done(struct timeline *timeline);

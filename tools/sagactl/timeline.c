/* timeline.c - see timeline.h. */
#include "tools/sagactl/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"

#define NO_CAUSE TIMELINE_EVENTS_MAX

int timeline_add(struct timeline *timeline, int32_t partition, int64_t offset,
                 const struct event *event, struct error *err)
{
    struct event *copy;

    if (timeline->count == TIMELINE_EVENTS_MAX) {
        timeline->dropped++;
        return 0;
    }
    copy = malloc(event_size(event));
    if (copy == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    event_copy(copy, event);
    timeline->entries[timeline->count++] =
        (struct timeline_entry){.partition = partition, .offset = offset, .event = copy};
    return 0;
}

/* Equal times are usual: then topics have the order of the saga, and offsets that of a topic. */
static bool is_earlier(const struct timeline_entry *a, const struct timeline_entry *b)
{
    enum topic topic_a = event_topic(a->event->type), topic_b = event_topic(b->event->type);

    if (a->event->timestamp_ms != b->event->timestamp_ms)
        return a->event->timestamp_ms < b->event->timestamp_ms;
    if (topic_a != topic_b)
        return topic_a < topic_b;
    return a->offset < b->offset;
}

static int compare_time(const void *a, const void *b)
{
    return is_earlier(a, b) ? -1 : is_earlier(b, a) ? 1 : 0;
}

static size_t find_cause(const struct timeline *timeline, size_t effect)
{
    const char *id = timeline->entries[effect].event->causation_id;

    for (size_t i = 0; id[0] != '\0' && i < timeline->count; i++)
        if (i != effect && str_equal(timeline->entries[i].event->event_id, id))
            return i;
    return NO_CAUSE;
}

/* The earliest that is left and whose cause is placed. In a ring of causes: just the earliest. */
static size_t next_entry(const struct timeline *timeline, const size_t *causes,
                         const size_t *places)
{
    size_t earliest = NO_CAUSE;

    for (size_t i = 0; i < timeline->count; i++) {
        if (places[i] != NO_CAUSE)
            continue;
        if (causes[i] == NO_CAUSE || places[causes[i]] != NO_CAUSE)
            return i;
        if (earliest == NO_CAUSE)
            earliest = i;
    }
    return earliest;
}

void timeline_sort(struct timeline *timeline)
{
    struct timeline_entry sorted[TIMELINE_EVENTS_MAX];
    size_t causes[TIMELINE_EVENTS_MAX], places[TIMELINE_EVENTS_MAX];

    qsort(timeline->entries, timeline->count, sizeof(timeline->entries[0]), compare_time);
    for (size_t i = 0; i < timeline->count; i++) {
        causes[i] = find_cause(timeline, i);
        places[i] = NO_CAUSE;
    }
    for (size_t place = 0; place < timeline->count; place++) {
        size_t i = next_entry(timeline, causes, places);

        places[i] = place;
        sorted[place] = timeline->entries[i];
    }
    for (size_t i = 0; i < timeline->count; i++)
        sorted[places[i]].cause =
            causes[i] != NO_CAUSE ? &timeline->entries[places[causes[i]]] : NULL;
    memcpy(timeline->entries, sorted, timeline->count * sizeof(sorted[0]));
}

const struct timeline_entry *timeline_find(const struct timeline *timeline, enum event_type type)
{
    for (size_t i = timeline->count; i > 0; i--)
        if (timeline->entries[i - 1].event->type == type)
            return &timeline->entries[i - 1];
    return NULL;
}

const struct timeline_entry *timeline_outcome(const struct timeline *timeline)
{
    const struct timeline_entry *completed = timeline_find(timeline, EVENT_ORDER_COMPLETED);

    return completed != NULL ? completed : timeline_find(timeline, EVENT_ORDER_CANCELLED);
}

void timeline_done(struct timeline *timeline)
{
    for (size_t i = 0; i < timeline->count; i++)
        free(timeline->entries[i].event);
    timeline->count = 0;
}

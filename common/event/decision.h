/*
 * decision.h - what a service decides upon, and what it decided. Pure data: a decide function
 * knows no Kafka, JSON, HTTP, clock, heap or log; time and ids are filled in by the runtime.
 *
 * The rule that exactly-once stands on: deciding again is harmless. For all own last events s,
 * inputs i and states s' reachable from s: decide(s, i) = {} implies decide(s', i) = {}, and after
 * decide(s, i) = e, decide(e, i) = {}. Each service's unit test goes through all of them.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event/event.h"

/* Own events, beside the one of the input's key, that a decision may look at: one per line. */
#define DECISION_RELATED_MAX ITEMS_MAX
/* Events of one decision: one about the order and one per product of it. */
#define DECISION_EVENTS_MAX (1 + ITEMS_MAX)

struct input {
    const struct event *event;
    int64_t offset; /* of its record; tells stock receipts apart */
};

/* Keys of own events that a decision needs beside its own; borrowed from the input or `last`. */
struct related_keys {
    size_t count;
    const char *keys[DECISION_RELATED_MAX];
};

/* Own last events; one of type EVENT_NONE where there is none. */
struct state {
    const struct event *last;                          /* of the input's key */
    const struct event *related[DECISION_RELATED_MAX]; /* of the related keys, in their order */
    size_t related_count;
};

struct decision {
    const char *impossible; /* static text: the input contradicts the state, a dead letter */
    size_t event_count;     /* 0: nothing to do, its effect is already published */
    struct event events[DECISION_EVENTS_MAX];
};

/* Decides. `settings` is the service's own configuration. `out` comes empty. */
typedef void decide_function(const void *settings, const struct input *in,
                             const struct state *state, struct decision *out);

/* Names the related keys of an input. `last` is the own last event of the input's key. */
typedef void relate_function(const struct input *in, const struct event *last,
                             struct related_keys *out);

/*
 * Adds an event with empty data, which the caller fills in: what it knows nothing of, a member that
 * came with a later version of the schemas, has its default. The runtime fills in the rest.
 */
union event_data *decision_emit(struct decision *out, enum event_type type);

static inline void decision_refuse(struct decision *out, const char *impossible)
{
    assert(out->event_count == 0);
    out->impossible = impossible;
}

/* stream_filling.h - one filling of one buffer. Private to stream_reader.c and stream_feed.c. */
#pragma once

#include "services/order/front_door/stream_reader.h"

struct filling {
    struct stream_reader *reader;
    struct stream_desk *desk;
    int64_t now_ms;
    char *buffer;
    size_t size, used;
    bool is_full; /* something was left for the next buffer */
    bool is_lost; /* the event that was sent in part is no longer there */
};

/* Where the reader stands in the partition of that place. */
int64_t *stream_reader_position(struct stream_reader *reader, const struct stream_place *place);

/*
 * Tells the event, and moves the reader behind it; one that breaks a rule is passed over. False: it
 * did not fit, or not all of it.
 */
bool filling_tell(struct filling *filling, const struct event *event,
                  const struct stream_place *place);

/* stream_feed.c: fills it with what comes next of all orders. Returns 0 or a negative errno. */
int filling_from_all(struct filling *filling, struct stream_progress *ret, struct error *err);

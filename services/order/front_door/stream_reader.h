/*
 * stream_reader.h - what a reader of a stream is told next, as Server-Sent Events, from the store
 * at the reader's own position: nothing is kept for it meanwhile. Knows no HTTP and no waking; that
 * is order_streams.h. One thread.
 *
 * A stream begins with a `retry` and an `id` without data: a client that is cut off before the
 * first event still knows where it began. Then come events
 *
 *   id: <the reader's position behind this event; opaque; see order_cursors.h>
 *   event: PaymentProcessed
 *   data: {"event_id": ..., the whole event in one line, as it would be written to its topic}
 *
 * and now and then a comment with an `id`, for who waits or has passed over much.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "services/order/front_door/event_places.h"
#include "services/order/front_door/order_cursors.h"
#include "services/order/front_door/order_customers.h"
#include "services/order/front_door/order_sequence.h"
#include "services/order/read_side/projection.h"

/* When a client that was cut off is to come back. */
#define STREAM_RETRY_MS 2000
#define STREAM_POSITIONS (HISTORY_TOPIC_COUNT * HISTORY_PARTITIONS_MAX)
#define STREAM_FRAME_SIZE (EVENT_BYTES_MAX + STREAM_ID_SIZE(STREAM_POSITIONS) + 128)

/* What all readers share: they are read one after the other. */
struct stream_desk {
    struct projection *projection; /* borrowed */
    struct codec *codec;           /* borrowed */
    struct event event;
    struct order_customers customers;
    struct event_places places;
    size_t frame_len;
    char frame[STREAM_FRAME_SIZE];
};

enum stream_frame {
    FRAME_NONE = 0,
    FRAME_OPENING,
    FRAME_PING,
    FRAME_EVENT,
};

struct stream_reader {
    char kind;                          /* STREAM_OF_ORDER or STREAM_OF_ALL */
    char order_id[UUID_SIZE];           /* of the one order */
    char customer_id[CUSTOMER_ID_SIZE]; /* of all orders: of this customer only; "": of all */
    char client_id[CLIENT_ID_SIZE];     /* of this client only; "": of all */
    int64_t positions[ORDER_POSITIONS]; /* in the one order */
    struct feed_cursor cursor;          /* in all orders */

    /* A frame that did not fit, and what of it was sent. */
    enum stream_frame frame;
    size_t sent;
    struct stream_place begun;
};

struct stream_progress {
    bool has_more; /* there is more to be read at once */
    bool is_held;  /* something waits for its cause: look again, even if nothing changes */
};

/* A reader that begins at its positions or cursor, which are set, as kind, order and customer. */
void stream_reader_open(struct stream_reader *reader);

/*
 * Fills the buffer as far as there is something. Returns the bytes, or a negative errno: the stream
 * cannot go on here. While the projection is not ready, there is nothing.
 *
 * now_ms    UTC.
 * is_due    if there is nothing, the comment.
 */
ssize_t stream_reader_fill(struct stream_reader *reader, struct stream_desk *desk, int64_t now_ms,
                           bool is_due, char *buffer, size_t size, struct stream_progress *ret,
                           struct error *err);

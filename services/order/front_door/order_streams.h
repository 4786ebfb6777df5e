/*
 * order_streams.h - those who read a stream of events: who is woken when something has changed, who
 * is reminded, who is let go. What they are told is stream_reader.h.
 *
 * A stream stays open after the end of its order, because an EventSource would come back for ever;
 * it ends when the service stops, so that its client goes on elsewhere.
 */
#pragma once

#include "common/http/http.h"
#include "services/order/front_door/stream_reader.h"

/* Readers at a time; more are answered 503. They leave connections for everybody else. */
#define STREAM_READERS_MAX 1024
/* A stream that had nothing to say for so long says so: proxies close what is silent, and a client
   that has gone is noticed. */
#define STREAM_HEARTBEAT_MS 15000
/* A reader that has caught up once, and then has had more to read for so long, is let go. */
#define STREAM_LAG_MS_MAX 30000

struct order_streams;

/* `ret` is owned by the caller. Returns 0 or -ENOMEM. */
int order_streams_new(struct order_streams **ret, struct error *err);

/* Asserts that there are no readers: the HTTP server has ended them. NULL is harmless. */
void order_streams_free(struct order_streams *streams);

/* Where the readers read; before the first of them. Both borrowed, used on the HTTP thread. */
void order_streams_connect(struct order_streams *streams, struct projection *projection,
                           struct codec *codec);

/*
 * Answers the request: with a stream that begins where the reader, which is copied, says; 503 if
 * there are too many. On the HTTP thread.
 */
void order_streams_start(struct order_streams *streams, struct http_request *request,
                         const struct stream_reader *reader);

/* Readers now. Any thread. */
size_t order_streams_count(const struct order_streams *streams);

/* For an order_listener. Any thread. */
bool order_streams_is_wanted(const struct order_streams *streams);
void order_streams_on_changes(struct order_streams *streams, const struct order_change *changes,
                              size_t count);

/* To be called every now and then, as every second: for those who hear nothing. Any thread. */
void order_streams_tick(struct order_streams *streams, int64_t now_ms);

/* Ends all streams, old and new. Any thread. */
void order_streams_close(struct order_streams *streams);

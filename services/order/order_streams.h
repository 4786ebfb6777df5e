/*
 * order_streams.h - GET /v1/orders/{order_id}/events and GET /v1/events: who reads, who is woken
 * when something has changed, and who is let go. What they are told: stream_reader.h.
 *
 * A stream stays open after the end of its order, because an EventSource would come back for ever;
 * and ends when the service stops, so that its client goes on elsewhere.
 */
#pragma once

#include "common/http/http.h"
#include "services/order/order_reads.h"

/* Readers at a time; more are answered 503. They leave connections for everybody else. */
#define STREAM_READERS_MAX 1024
/* A stream that had nothing to say for so long says so: proxies close what is silent, and a client
   that has gone is noticed. */
#define STREAM_HEARTBEAT_MS 15000
/* A reader that has caught up once, and then has had more to read for so long, is let go. */
#define STREAM_LAG_MS_MAX 30000

struct order_streams;

/* `reads` is borrowed, and used on the HTTP thread. `ret` is owned by the caller. 0 or -ENOMEM. */
int order_streams_new(const struct order_reads *reads, struct order_streams **ret,
                      struct error *err);

/* Asserts that there are no readers: the HTTP server ended them. NULL is harmless. */
void order_streams_free(struct order_streams *streams);

/* Each answers the request; on the HTTP thread. */
void order_streams_get_order(struct order_streams *streams, struct http_request *request);
void order_streams_get_all(struct order_streams *streams, struct http_request *request);

/* An order_listener. Any thread. */
bool order_streams_is_wanted(const struct order_streams *streams);
void order_streams_on_changes(struct order_streams *streams, const struct order_change *changes,
                              size_t count);

/* Has to be called now and then, as every second: for who hears nothing otherwise. Any thread. */
void order_streams_tick(struct order_streams *streams, int64_t now_ms);

/* Ends all streams, and refuses new ones. Any thread. */
void order_streams_close(struct order_streams *streams);

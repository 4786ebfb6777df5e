/*
 * stream_world.h - what readers of streams are tried in: the projection, the HTTP server and the
 * clocks are stand-ins. Linked in, they take the place of the real ones.
 */
#pragma once

#include <sys/types.h>

#include "common/event/codec.h"
#include "services/order/front_door/order_streams.h"

#define RECORDS_MAX 2000
#define JSON_SIZE 4096
#define TEXT_SIZE (1U << 20)
#define BUFFER_SIZE 16384
/* Events of an order that ships. */
#define STEPS 5

struct http_request {
    unsigned status;
    struct http_stream *stream;
};

struct http_stream {
    struct http_stream_source source;
    size_t wakes;
};

/* Of the store. */
struct record {
    struct event event; /* EVENT_NONE: it is none */
    char json[JSON_SIZE];
    struct feed_record feed;
};

struct stream_world {
    int64_t now_ms; /* monotonic; UTC is SAMPLE_MS later */
    struct record records[RECORDS_MAX];
    size_t record_count, hidden_count; /* hidden: the first ones have expired */
    int not_ready;                     /* what reading returns instead */
    size_t lookups;                    /* into single orders */

    struct order_streams *streams;
    struct codec *codec, *writer;
    struct http_request requests[STREAM_READERS_MAX + 1];
    char text[TEXT_SIZE]; /* what when_read() was given */
    char buffer[BUFFER_SIZE];
};

extern struct stream_world world;

void set_up(void);
void tear_down(void);
void start_replica(void); /* anew; the one before was freed */

/* Records of the store, behind all others: anything; an event; events of orders by number. */
struct record *add(size_t number, const char *json);
void add_event(size_t number, const struct event *event);
void given_placed(size_t number, const char *customer_id);
void given_paid(size_t number);
/* The n-th event of an order that ships; each is the effect of the one before. */
void given_step(size_t number, size_t step);

struct http_request *when_order_is_read(size_t slot, size_t number);
struct http_request *when_all_is_read(size_t slot, const char *customer_id);
void hang_up(struct http_request *request);

/* One filling of a buffer of that size. */
ssize_t read_some(struct http_request *request, size_t size);
/* Reads until nothing comes, in pieces of that size, into `text`. Returns the last result. */
ssize_t when_read_by(struct http_request *request, size_t size);
void when_read(struct http_request *request);

/* How often this is in `text`. */
size_t count_of(const char *what);

void when_changed(size_t number);

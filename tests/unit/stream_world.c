/* stream_world.c - see stream_world.h. */
#include "stream_world.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "tests/runtime/samples.h"

#define STEP_ID "00000000-0000-7000-8000-%06u%06u"

struct stream_world world;

/* ---------------------------------------------------------------------------- the stand-ins */

int64_t __wrap_clock_monotonic_ms(void);
int64_t __wrap_clock_utc_ms(void);

int64_t __wrap_clock_monotonic_ms(void)
{
    return world.now_ms;
}

int64_t __wrap_clock_utc_ms(void)
{
    return SAMPLE_MS + world.now_ms;
}

void http_set_header(struct http_request *request, const char *name, const char *value)
{
    (void)request;
    (void)name;
    (void)value;
}

void http_answer_problem(struct http_request *request, unsigned status, const char *detail,
                         const struct http_fault *faults, size_t fault_count)
{
    (void)detail;
    (void)faults;
    (void)fault_count;
    request->status = status;
}

void http_answer_text(struct http_request *request, unsigned status, const char *content_type,
                      const char *text, size_t len)
{
    (void)content_type;
    (void)text;
    (void)len;
    request->status = status;
}

bool http_request_query_fault(const struct http_request *request, const char *const *names,
                              size_t count, struct http_fault *ret)
{
    (void)request;
    (void)names;
    (void)count;
    (void)ret;
    return false;
}

int http_answer_stream(struct http_request *request, const char *content_type,
                       const struct http_stream_source *source, struct http_stream **ret)
{
    ck_assert_str_eq(content_type, "text/event-stream");
    request->status = 200;
    request->stream = *ret = calloc(1, sizeof(**ret));
    (*ret)->source = *source;
    return 0;
}

void http_stream_wake(struct http_stream *stream)
{
    stream->wakes++;
}

int projection_read(struct projection *projection, struct codec *codec, const char *order_id,
                    struct history *ret, struct error *err)
{
    (void)projection;
    (void)codec;
    world.lookups++;
    ret->count = 0;
    if (world.not_ready < 0)
        return error_set(err, world.not_ready, "not ready");
    for (size_t i = world.hidden_count; i < world.record_count && ret->count < ORDER_EVENTS_MAX;
         i++) {
        struct event *copy;

        if (world.records[i].event.type == EVENT_NONE ||
            !str_equal(world.records[i].feed.order_id, order_id))
            continue;
        copy = malloc(event_size(&world.records[i].event));
        event_copy(copy, &world.records[i].event);
        ret->entries[ret->count++] = (struct order_entry){copy, world.records[i].feed.partition,
                                                          world.records[i].feed.offset};
    }
    return 0;
}

int projection_feed(struct projection *projection, struct feed_cursor *cursor, feed_visit *visit,
                    void *context, struct error *err)
{
    (void)projection;
    if (world.not_ready < 0)
        return error_set(err, world.not_ready, "not ready");
    if (cursor->next < world.hidden_count)
        cursor->next = world.hidden_count;
    for (size_t seen = 0; cursor->next < world.record_count; seen++, cursor->next++) {
        const struct feed_record *record = &world.records[cursor->next].feed;
        int64_t *position =
            &cursor->positions.next[history_topic_index(record->topic)][record->partition];

        if (seen == FEED_RECORDS_MAX)
            return 1;
        if (record->offset < *position)
            continue;
        if (!visit(context, record))
            return 1;
        *position = record->offset + 1;
    }
    return 0;
}

void start_replica(void)
{
    ck_assert_int_eq(order_streams_new(&world.streams, NULL), 0);
    order_streams_connect(world.streams, NULL, world.codec);
}

void set_up(void)
{
    world.now_ms = 1000;
    world.record_count = world.hidden_count = world.lookups = 0;
    world.not_ready = 0;
    memset(world.requests, 0, sizeof(world.requests));
    ck_assert_int_eq(codec_new(&world.codec, NULL), 0);
    ck_assert_int_eq(codec_new(&world.writer, NULL), 0);
    start_replica();
}

void hang_up(struct http_request *request)
{
    if (request->stream == NULL)
        return;
    request->stream->source.closed(request->stream->source.context);
    free(request->stream);
    request->stream = NULL;
}

void tear_down(void)
{
    for (size_t i = 0; i < ARRAY_LEN(world.requests); i++)
        hang_up(&world.requests[i]);
    order_streams_free(world.streams);
    codec_free(world.codec);
    codec_free(world.writer);
}

struct record *add(size_t number, const char *json)
{
    struct record *record = &world.records[world.record_count++];

    ck_assert_uint_le(world.record_count, RECORDS_MAX);
    ck_assert_uint_lt(strlen(json), sizeof(record->json));
    strcpy(record->json, json);
    record->feed = (struct feed_record){.topic = TOPIC_ORDERS,
                                        .partition = 1,
                                        .offset = (int64_t)world.record_count * 10,
                                        .json = record->json,
                                        .len = strlen(json)};
    sample_key(number, record->feed.order_id);
    record->event.type = EVENT_NONE;
    return record;
}

void add_event(size_t number, const struct event *event)
{
    const char *json;
    struct record *record;
    size_t len;

    ck_assert_int_eq(event_encode(world.writer, event, &json, &len, NULL), 0);
    record = add(number, json);
    record->feed.topic = event_topic(event->type);
    event_copy(&record->event, event);
}

void given_placed(size_t number, const char *customer_id)
{
    struct event event;

    sample_order_placed(&event, number);
    strcpy(event.data.order_placed.customer_id, customer_id);
    add_event(number, &event);
}

void given_paid(size_t number)
{
    struct event placed, event;

    sample_order_placed(&placed, number);
    sample_payment_processed(&event, number, 2);
    memcpy(event.causation_id, placed.event_id, UUID_SIZE);
    add_event(number, &event);
}

static void write_data(struct event *event, size_t number, enum event_type type)
{
    static const struct item_line line = {.product_id = "A", .quantity = 1};
    struct inventory_reserved *reserved = &event->data.inventory_reserved;
    struct shipment_created *shipment = &event->data.shipment_created;

    memset(&event->data, 0, sizeof(event->data));
    event->type = type;
    sample_key(number, (char *)event_key(event));
    if (type == EVENT_INVENTORY_RESERVED) {
        strcpy(reserved->customer_id, "customer-1");
        reserved->items[reserved->item_count++] = line;
    } else if (type == EVENT_SHIPMENT_CREATED) {
        strcpy(shipment->customer_id, "customer-1");
        shipment->items[shipment->item_count++] = line;
    }
}

void given_step(size_t number, size_t step)
{
    static const enum event_type types[STEPS] = {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED,
                                                 EVENT_INVENTORY_RESERVED, EVENT_SHIPMENT_CREATED,
                                                 EVENT_ORDER_COMPLETED};
    struct event event;

    memset(&event.data, 0, sizeof(event.data));
    if (step == 0)
        sample_order_placed(&event, number);
    else
        sample_payment_processed(&event, number, 2);
    snprintf(event.event_id, UUID_SIZE, STEP_ID, (unsigned)number % 1000000, (unsigned)step);
    if (step > 0)
        snprintf(event.causation_id, UUID_SIZE, STEP_ID, (unsigned)number % 1000000,
                 (unsigned)step - 1);
    if (step > 1)
        write_data(&event, number, types[step]);
    add_event(number, &event);
}

struct http_request *when_order_is_read(size_t slot, size_t number)
{
    struct stream_reader reader = {.kind = STREAM_OF_ORDER};

    sample_key(number, reader.order_id);
    order_streams_start(world.streams, &world.requests[slot], &reader);
    return &world.requests[slot];
}

struct http_request *when_all_is_read(size_t slot, const char *customer_id)
{
    struct stream_reader reader = {.kind = STREAM_OF_ALL};

    strcpy(reader.customer_id, customer_id);
    order_streams_start(world.streams, &world.requests[slot], &reader);
    return &world.requests[slot];
}

ssize_t read_some(struct http_request *request, size_t size)
{
    return request->stream->source.read(request->stream->source.context, world.buffer, size);
}

ssize_t when_read_by(struct http_request *request, size_t size)
{
    size_t used = 0;
    ssize_t got;

    while ((got = read_some(request, size)) > 0) {
        ck_assert_uint_lt(used + (size_t)got, sizeof(world.text));
        memcpy(world.text + used, world.buffer, (size_t)got);
        used += (size_t)got;
    }
    world.text[used] = '\0';
    return got;
}

void when_read(struct http_request *request)
{
    ck_assert_int_eq(when_read_by(request, BUFFER_SIZE), 0);
}

size_t count_of(const char *what)
{
    size_t count = 0;

    for (const char *p = world.text; (p = strstr(p, what)) != NULL; p++)
        count++;
    return count;
}

void when_changed(size_t number)
{
    struct order_change change;

    sample_key(number, change.order_id);
    order_streams_on_changes(world.streams, &change, 1);
}

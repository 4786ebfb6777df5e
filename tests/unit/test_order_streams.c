/*
 * test_order_streams.c - who reads streams, what they are told, when they are woken and let go. The
 * projection, the HTTP server and the clocks are stand-ins.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "services/order/order_streams.h"
#include "suite.h"
#include "tests/runtime/samples.h"

#define RECORDS_MAX 2000
#define JSON_SIZE 4096
#define TEXT_SIZE (1U << 20)
#define BUFFER_SIZE 16384
#define FROM_THE_BEGINNING "a1:////"

/* ---------------------------------------------------------------------------- the stand-ins */

struct http_request {
    unsigned status;
    struct http_stream *stream;
};

struct http_stream {
    struct http_stream_source source;
    size_t wakes;
};

static int64_t now_ms; /* monotonic; UTC is SAMPLE_MS later */

static struct record {
    struct event event;
    char json[JSON_SIZE];
    struct feed_record feed;
} records[RECORDS_MAX];
static size_t record_count, hidden_count; /* hidden: the first ones have expired */
static int not_ready;
static size_t lookups;

int64_t __wrap_clock_monotonic_ms(void);
int64_t __wrap_clock_utc_ms(void);

int64_t __wrap_clock_monotonic_ms(void)
{
    return now_ms;
}

int64_t __wrap_clock_utc_ms(void)
{
    return SAMPLE_MS + now_ms;
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
    lookups++;
    ret->count = 0;
    if (not_ready < 0)
        return error_set(err, not_ready, "not ready");
    for (size_t i = hidden_count; i < record_count && ret->count < ORDER_EVENTS_MAX; i++) {
        struct event *copy;

        if (records[i].event.type == EVENT_NONE || !str_equal(records[i].feed.order_id, order_id))
            continue;
        copy = malloc(event_size(&records[i].event));
        event_copy(copy, &records[i].event);
        ret->entries[ret->count++] =
            (struct order_entry){copy, records[i].feed.partition, records[i].feed.offset};
    }
    return 0;
}

int projection_feed(struct projection *projection, struct feed_cursor *cursor, feed_visit *visit,
                    void *context, struct error *err)
{
    (void)projection;
    if (not_ready < 0)
        return error_set(err, not_ready, "not ready");
    if (cursor->next < hidden_count)
        cursor->next = hidden_count;
    for (size_t seen = 0; cursor->next < record_count; seen++, cursor->next++) {
        const struct feed_record *record = &records[cursor->next].feed;
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

/* ------------------------------------------------------------------------------- the givens */

static struct order_streams *streams;
static struct codec *codec, *writer;
static struct http_request requests[STREAM_READERS_MAX + 1];
static char text[TEXT_SIZE]; /* what the last reader was given */
static char buffer[BUFFER_SIZE];

static void set_up(void)
{
    now_ms = 1000;
    record_count = hidden_count = lookups = 0;
    not_ready = 0;
    memset(requests, 0, sizeof(requests));
    ck_assert_int_eq(codec_new(&codec, NULL), 0);
    ck_assert_int_eq(codec_new(&writer, NULL), 0);
    ck_assert_int_eq(order_streams_new(&streams, NULL), 0);
    order_streams_connect(streams, NULL, codec);
}

static void hang_up(struct http_request *request)
{
    if (request->stream == NULL)
        return;
    request->stream->source.closed(request->stream->source.context);
    free(request->stream);
    request->stream = NULL;
}

static void tear_down(void)
{
    for (size_t i = 0; i < ARRAY_LEN(requests); i++)
        hang_up(&requests[i]);
    order_streams_free(streams);
    codec_free(codec);
    codec_free(writer);
}

static struct record *add(size_t number, const char *json)
{
    struct record *record = &records[record_count++];

    ck_assert_uint_le(record_count, RECORDS_MAX);
    ck_assert_uint_lt(strlen(json), sizeof(record->json));
    strcpy(record->json, json);
    record->feed = (struct feed_record){.topic = TOPIC_ORDERS,
                                        .partition = 1,
                                        .offset = (int64_t)record_count * 10,
                                        .json = record->json,
                                        .len = strlen(json)};
    sample_key(number, record->feed.order_id);
    record->event.type = EVENT_NONE;
    return record;
}

static void add_event(size_t number, const struct event *event)
{
    const char *json;
    struct record *record;
    size_t len;

    ck_assert_int_eq(event_encode(writer, event, &json, &len, NULL), 0);
    record = add(number, json);
    record->feed.topic = event_topic(event->type);
    event_copy(&record->event, event);
}

static void given_placed(size_t number, const char *customer_id)
{
    struct event event;

    sample_order_placed(&event, number);
    strcpy(event.data.order_placed.customer_id, customer_id);
    add_event(number, &event);
}

static void given_paid(size_t number)
{
    struct event placed, event;

    sample_order_placed(&placed, number);
    sample_payment_processed(&event, number, 2);
    memcpy(event.causation_id, placed.event_id, UUID_SIZE);
    add_event(number, &event);
}

static struct http_request *when_order_is_read(size_t slot, size_t number)
{
    struct stream_reader reader = {.kind = STREAM_OF_ORDER};

    sample_key(number, reader.order_id);
    order_streams_start(streams, &requests[slot], &reader);
    return &requests[slot];
}

static struct http_request *when_all_is_read(size_t slot, const char *customer_id)
{
    struct stream_reader reader = {.kind = STREAM_OF_ALL};

    strcpy(reader.customer_id, customer_id);
    order_streams_start(streams, &requests[slot], &reader);
    return &requests[slot];
}

static ssize_t read_some(struct http_request *request, size_t size)
{
    return request->stream->source.read(request->stream->source.context, buffer, size);
}

/* Reads until nothing comes, in pieces of that size, into `text`. Returns the last result. */
static ssize_t when_read_by(struct http_request *request, size_t size)
{
    size_t used = 0;
    ssize_t got;

    while ((got = read_some(request, size)) > 0) {
        ck_assert_uint_lt(used + (size_t)got, sizeof(text));
        memcpy(text + used, buffer, (size_t)got);
        used += (size_t)got;
    }
    text[used] = '\0';
    return got;
}

static void when_read(struct http_request *request)
{
    ck_assert_int_eq(when_read_by(request, BUFFER_SIZE), 0);
}

static size_t count_of(const char *what)
{
    size_t count = 0;

    for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
        count++;
    return count;
}

static void when_changed(size_t number)
{
    struct order_change change;

    sample_key(number, change.order_id);
    order_streams_on_changes(streams, &change, 1);
}

/* ------------------------------------------------------------------------ what they are told */

START_TEST(an_order_is_told_from_its_beginning_each_event_with_its_id)
{
    char expected[4 * JSON_SIZE];
    struct http_request *request;

    given_placed(7, "c-1");
    given_paid(7);
    given_placed(8, "c-1");
    request = when_order_is_read(0, 7);
    ck_assert_uint_eq(request->status, 200);
    when_read(request);
    snprintf(expected, sizeof(expected),
             "retry: 2000\nid: o1:\n\n"
             "id: o1:11\nevent: OrderPlaced\ndata: %s\n\n"
             "id: o1:11.21\nevent: PaymentProcessed\ndata: %s\n\n",
             records[0].json, records[1].json);
    ck_assert_str_eq(text, expected);
    when_read(request);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(a_reader_goes_on_behind_the_position_that_it_names)
{
    struct stream_reader reader = {.kind = STREAM_OF_ORDER};

    given_placed(7, "c-1");
    given_paid(7);
    sample_key(7, reader.order_id);
    ck_assert(stream_id_parse("o1:11", STREAM_OF_ORDER, 1, ORDER_POSITIONS, reader.positions));
    order_streams_start(streams, &requests[0], &reader);
    when_read(&requests[0]);
    ck_assert_uint_eq(count_of("event: "), 1);
    ck_assert_ptr_nonnull(strstr(text, "id: o1:11.21\nevent: PaymentProcessed\n"));
}
END_TEST

START_TEST(all_orders_are_told_in_the_order_of_the_store)
{
    char expected[4 * JSON_SIZE];
    struct http_request *request;

    given_placed(7, "c-1");
    given_placed(8, "c-2");
    given_paid(7);
    request = when_all_is_read(0, "");
    when_read(request);
    snprintf(expected, sizeof(expected),
             "retry: 2000\nid: a1:////\n\n"
             "id: a1:0.11////\nevent: OrderPlaced\ndata: %s\n\n"
             "id: a1:0.21////\nevent: OrderPlaced\ndata: %s\n\n"
             "id: a1:0.21/0.31///\nevent: PaymentProcessed\ndata: %s\n\n",
             records[0].json, records[1].json, records[2].json);
    ck_assert_str_eq(text, expected);
    given_paid(8);
    when_read(request);
    ck_assert_ptr_eq(strstr(text, "id: a1:0.21/0.41///\nevent: PaymentProcessed\n"), text);
}
END_TEST

START_TEST(records_that_are_no_events_are_passed_over)
{
    struct event event;

    given_placed(7, "c-1");
    add(7, "no JSON");
    add(7, "{\"event_type\":\"OrderPlaced\"}");
    sample_order_placed(&event, 8);
    add_event(9, &event); /* of another order than its key */
    given_paid(7);
    records[record_count - 1].feed.topic = TOPIC_INVENTORY; /* in a topic that is not its own */
    given_paid(7);
    when_read(when_all_is_read(0, ""));
    ck_assert_uint_eq(count_of("event: "), 2);
    ck_assert_ptr_nonnull(strstr(text, "id: a1:0.41/0.61/0.51//\nevent: PaymentProcessed\n"));
}
END_TEST

START_TEST(whatever_the_buffer_holds_the_same_is_told)
{
    static const size_t sizes[] = {1, 2, 7, 99, 100, 101, 500, 1000, 4096};
    static char whole[TEXT_SIZE];

    given_placed(7, "c-1");
    given_paid(7);
    for (size_t number = 8; number < 30; number++)
        given_placed(number, "c-2");
    for (size_t all = 0; all < 2; all++) {
        struct http_request *request;

        request = all ? when_all_is_read(0, "") : when_order_is_read(0, 7);
        when_read(request);
        strcpy(whole, text);
        hang_up(request);
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            request = all ? when_all_is_read(0, "") : when_order_is_read(0, 7);
            ck_assert_int_eq(when_read_by(request, sizes[i]), 0);
            ck_assert_str_eq(text, whole);
            hang_up(request);
        }
    }
}
END_TEST

START_TEST(an_event_that_expires_while_it_is_sent_ends_the_stream)
{
    given_placed(7, "c-1");
    for (size_t all = 0; all < 2; all++) {
        struct http_request *request = all ? when_all_is_read(0, "") : when_order_is_read(0, 7);
        ssize_t got = 1;

        hidden_count = 0;
        for (size_t i = 0; i < 20; i++)
            ck_assert_int_gt(read_some(request, 10), 0);
        hidden_count = 1;
        for (size_t i = 0; i < 2 && got > 0; i++)
            got = read_some(request, 10);
        ck_assert_int_eq(got, HTTP_STREAM_END);
        hang_up(request);
    }
}
END_TEST

START_TEST(while_the_store_is_not_ready_nothing_is_told_and_nobody_let_go)
{
    struct http_request *request;

    given_placed(7, "c-1");
    request = when_order_is_read(0, 7);
    not_ready = -EAGAIN;
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), 0);
    now_ms += 10 * STREAM_LAG_MS_MAX;
    when_read(request);
    not_ready = 0;
    when_changed(7);
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), 1);
    not_ready = -EIO;
    ck_assert_int_eq(read_some(request, BUFFER_SIZE), HTTP_STREAM_END);
}
END_TEST

/* ----------------------------------------------------------------------- of one customer only */

START_TEST(a_customer_is_told_of_his_orders_only)
{
    given_placed(7, "c-1");
    given_placed(8, "c-2");
    given_paid(8);
    given_paid(7);
    when_read(when_all_is_read(0, "c-2"));
    ck_assert_uint_eq(count_of("event: "), 2);
    ck_assert_ptr_nonnull(strstr(text, "id: a1:0.21////\nevent: OrderPlaced\n"));
    ck_assert_ptr_nonnull(strstr(text, "id: a1:0.21/0.31///\nevent: PaymentProcessed\n"));
    ck_assert_uint_eq(lookups, 0);
}
END_TEST

START_TEST(whose_an_order_is_that_was_placed_before_is_looked_up_once)
{
    struct stream_reader reader = {.kind = STREAM_OF_ALL, .customer_id = "c-1"};

    given_placed(7, "c-1");
    given_paid(7);
    given_paid(7);
    ck_assert(stream_id_parse("a1:0.11////", STREAM_OF_ALL, HISTORY_TOPIC_COUNT,
                              HISTORY_PARTITIONS_MAX, reader.cursor.positions.next[0]));
    order_streams_start(streams, &requests[0], &reader);
    when_read(&requests[0]);
    ck_assert_uint_eq(count_of("event: PaymentProcessed"), 2);
    ck_assert_uint_eq(count_of("event: "), 2);
    ck_assert_uint_eq(lookups, 1);
}
END_TEST

START_TEST(an_order_that_is_not_here_yet_is_waited_for)
{
    struct http_request *request = when_all_is_read(0, "c-1");

    given_paid(7);
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), 0);
    request->stream->wakes = 0;
    order_streams_tick(streams, now_ms += 2000);
    ck_assert_uint_eq(request->stream->wakes, 1);
    given_placed(7, "c-1");
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), 2);
    order_streams_tick(streams, now_ms += 2000);
    ck_assert_uint_eq(request->stream->wakes, 1);
}
END_TEST

START_TEST(an_order_that_does_not_come_is_waited_for_within_bounds)
{
    struct http_request *request = when_all_is_read(0, "c-1");

    given_paid(7);
    given_placed(8, "c-1");
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), 0);
    now_ms += CAUSE_WAIT_MS;
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), 1);
    ck_assert_uint_eq(count_of("event: OrderPlaced"), 1);
}
END_TEST

START_TEST(who_passes_over_much_says_how_far_it_is)
{
    struct http_request *request = when_all_is_read(0, "c-1");

    when_read(request);
    for (size_t i = 0; i < FEED_RECORDS_MAX + 1; i++)
        given_placed(i, "c-2");
    ck_assert_int_gt(read_some(request, BUFFER_SIZE), 0);
    ck_assert_int_eq(strncmp(buffer, ": ping\nid: a1:0.10001////\n\n", 27), 0);
    when_read(request);
    ck_assert_str_eq(text, "");
}
END_TEST

/* -------------------------------------------------------------------------- waking, letting go */

START_TEST(only_those_who_are_concerned_are_woken_and_once)
{
    struct http_request *seven = when_order_is_read(0, 7), *eight = when_order_is_read(1, 8),
                        *all = when_all_is_read(2, "");

    ck_assert(order_streams_is_wanted(streams));
    when_changed(7);
    when_changed(7);
    when_changed(9);
    ck_assert_uint_eq(seven->stream->wakes, 1);
    ck_assert_uint_eq(eight->stream->wakes, 0);
    ck_assert_uint_eq(all->stream->wakes, 1);
    when_read(seven);
    when_changed(7);
    ck_assert_uint_eq(seven->stream->wakes, 2);
    hang_up(seven);
    hang_up(eight);
    hang_up(all);
    ck_assert(!order_streams_is_wanted(streams));
    when_changed(7);
}
END_TEST

START_TEST(who_hears_nothing_for_long_gets_a_comment)
{
    struct http_request *request;

    given_placed(7, "c-1");
    request = when_order_is_read(0, 7);
    when_read(request);
    order_streams_tick(streams, now_ms += STREAM_HEARTBEAT_MS - 1);
    ck_assert_uint_eq(request->stream->wakes, 0);
    order_streams_tick(streams, now_ms += 1);
    ck_assert_uint_eq(request->stream->wakes, 0); /* not before the next tick is due */
    order_streams_tick(streams, now_ms += 1000);
    ck_assert_uint_eq(request->stream->wakes, 1);
    when_read(request);
    ck_assert_str_eq(text, ": ping\nid: o1:11\n\n");
    when_read(request);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(a_comment_does_not_come_between_the_pieces_of_an_event)
{
    struct http_request *request;

    given_placed(7, "c-1");
    request = when_order_is_read(0, 7);
    for (size_t i = 0; i < 20; i++)
        ck_assert_int_eq(read_some(request, 10), i == 2 ? 1 : 10);
    now_ms += 2 * STREAM_HEARTBEAT_MS;
    when_read(request);
    ck_assert_uint_eq(count_of(": ping"), 0);
    ck_assert_ptr_nonnull(strstr(text, "\n\n"));
}
END_TEST

/* Gives the reader more than one buffer of news, of which it takes one. */
static ssize_t take_one_of_many(struct http_request *request, size_t number)
{
    for (size_t i = 0; i < 20; i++)
        given_placed(number + i, "c-1");
    when_changed(number);
    return read_some(request, 500);
}

START_TEST(a_reader_that_falls_behind_is_let_go)
{
    struct http_request *request = when_all_is_read(0, "");

    when_read(request); /* has caught up */
    ck_assert_int_gt(take_one_of_many(request, 100), 0);
    now_ms += STREAM_LAG_MS_MAX - 1;
    ck_assert_int_gt(take_one_of_many(request, 200), 0);
    now_ms += 1;
    ck_assert_int_eq(take_one_of_many(request, 300), HTTP_STREAM_END);
}
END_TEST

START_TEST(a_reader_that_keeps_up_is_kept)
{
    struct http_request *request = when_all_is_read(0, "");

    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_gt(take_one_of_many(request, 100 + 100 * i), 0);
        when_read(request);
        now_ms += STREAM_LAG_MS_MAX;
    }
}
END_TEST

START_TEST(a_reader_that_is_still_catching_up_is_kept)
{
    struct http_request *request;

    for (size_t i = 0; i < 100; i++)
        given_placed(i, "c-1");
    request = when_all_is_read(0, "");
    for (size_t i = 0; i < 10; i++, now_ms += STREAM_LAG_MS_MAX)
        ck_assert_int_gt(read_some(request, 500), 0);
}
END_TEST

START_TEST(there_is_a_bound_of_readers)
{
    for (size_t i = 0; i < STREAM_READERS_MAX; i++)
        ck_assert_uint_eq(when_order_is_read(i, i)->status, 200);
    ck_assert_uint_eq(when_all_is_read(STREAM_READERS_MAX, "")->status, 503);
    hang_up(&requests[500]);
    ck_assert_uint_eq(when_all_is_read(STREAM_READERS_MAX, "")->status, 200);
}
END_TEST

START_TEST(at_a_stop_all_streams_end)
{
    struct http_request *order = when_order_is_read(0, 7), *all = when_all_is_read(1, "");

    when_read(order);
    when_read(all);
    order_streams_close(streams);
    ck_assert_uint_eq(order->stream->wakes, 1);
    ck_assert_uint_eq(all->stream->wakes, 1);
    ck_assert_int_eq(read_some(order, BUFFER_SIZE), HTTP_STREAM_END);
    ck_assert_int_eq(read_some(all, BUFFER_SIZE), HTTP_STREAM_END);
    ck_assert_int_eq(read_some(when_order_is_read(2, 7), BUFFER_SIZE), HTTP_STREAM_END);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_streams");
    TCase *tcase = tcase_create("streams");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_order_is_told_from_its_beginning_each_event_with_its_id);
    tcase_add_test(tcase, a_reader_goes_on_behind_the_position_that_it_names);
    tcase_add_test(tcase, all_orders_are_told_in_the_order_of_the_store);
    tcase_add_test(tcase, records_that_are_no_events_are_passed_over);
    tcase_add_test(tcase, whatever_the_buffer_holds_the_same_is_told);
    tcase_add_test(tcase, an_event_that_expires_while_it_is_sent_ends_the_stream);
    tcase_add_test(tcase, while_the_store_is_not_ready_nothing_is_told_and_nobody_let_go);
    tcase_add_test(tcase, a_customer_is_told_of_his_orders_only);
    tcase_add_test(tcase, whose_an_order_is_that_was_placed_before_is_looked_up_once);
    tcase_add_test(tcase, an_order_that_is_not_here_yet_is_waited_for);
    tcase_add_test(tcase, an_order_that_does_not_come_is_waited_for_within_bounds);
    tcase_add_test(tcase, who_passes_over_much_says_how_far_it_is);
    tcase_add_test(tcase, only_those_who_are_concerned_are_woken_and_once);
    tcase_add_test(tcase, who_hears_nothing_for_long_gets_a_comment);
    tcase_add_test(tcase, a_comment_does_not_come_between_the_pieces_of_an_event);
    tcase_add_test(tcase, a_reader_that_falls_behind_is_let_go);
    tcase_add_test(tcase, a_reader_that_keeps_up_is_kept);
    tcase_add_test(tcase, a_reader_that_is_still_catching_up_is_kept);
    tcase_add_test(tcase, there_is_a_bound_of_readers);
    tcase_add_test(tcase, at_a_stop_all_streams_end);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}

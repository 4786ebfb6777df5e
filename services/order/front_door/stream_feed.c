/*
 * stream_feed.c - see stream_reader.h: the events of all orders. They come in the order in which
 * this replica applied them, which is nearly always that of cause and effect. What comes before its
 * cause is held back, with all that follows it in its partition, while the rest goes on: a reader's
 * position is one offset per partition, so it may be far in one and wait in another.
 *
 * The reader's cursor stays before the first record that is held back. Each pass goes through what
 * follows, on a cursor of its own, and skips what was told. What is still held back after
 * FEED_RECORDS_MAX records, or waits in a circle, is told as it comes: then the order of causes is
 * lost, but no event is.
 */
#include "services/order/front_door/stream_filling.h"

#include <string.h>

#include "common/base/util.h"

/* Passes for one buffer; each tells something, or has looked up one order (some 20 us). */
#define PASSES_MAX 100

enum question {
    QUESTION_NONE = 0,
    QUESTION_CUSTOMER, /* whose is the order? */
    QUESTION_CAUSE,    /* where is the cause? */
};

struct feed {
    struct filling *filling;
    bool is_unordered; /* causes do not count any more */
    /* What a partition waits for that is not here yet. */
    enum question awaits[HISTORY_TOPIC_COUNT][HISTORY_PARTITIONS_MAX];
    bool awaits_any;

    /* Of one pass. */
    struct feed_cursor cursor;
    bool blocked[HISTORY_TOPIC_COUNT][HISTORY_PARTITIONS_MAX], blocks_any;
    uint64_t first_blocked; /* number from which on something is held back */
    size_t passed_count;

    /* What has to be known of a record before the pass can go on. */
    enum question question;
    struct stream_place asking, excused; /* the record; one whose cause will not come */
    char order_id[UUID_SIZE], cause_id[UUID_SIZE];
    int64_t asking_ms;
};

enum turn {
    TURN_NOW,
    TURN_NEVER, /* no event, or of another customer or client */
    TURN_LATER,
    TURN_ASK,
};

static bool is_same(const struct stream_place *a, const struct stream_place *b)
{
    return a->topic == b->topic && a->partition == b->partition && a->offset == b->offset;
}

/* False: it is no event of that order, and everybody passes over it. */
static bool read_record(struct stream_desk *desk, const struct feed_record *record)
{
    return event_decode(desk->codec, record->json, record->len, &desk->event, NULL) == 0 &&
           event_topic(desk->event.type) == record->topic &&
           str_equal(event_key(&desk->event), record->order_id);
}

static enum turn ask(struct feed *feed, const struct feed_record *record,
                     const struct stream_place *place, enum question question)
{
    const struct event *event = &feed->filling->desk->event;

    feed->question = question;
    feed->asking = *place;
    feed->asking_ms = event->timestamp_ms;
    str_copy(feed->order_id, UUID_SIZE, record->order_id);
    str_copy(feed->cause_id, UUID_SIZE, event->causation_id);
    return TURN_ASK;
}

static bool is_wanted(const struct stream_reader *reader, const struct order_owner *owner)
{
    return (reader->customer_id[0] == '\0' || str_equal(reader->customer_id, owner->customer_id)) &&
           (reader->client_id[0] == '\0' || str_equal(reader->client_id, owner->client_id));
}

/* The record is read, unless that was needless. */
static enum turn turn_by_customer(struct feed *feed, const struct feed_record *record,
                                  const struct stream_place *place)
{
    struct stream_desk *desk = feed->filling->desk;
    const struct stream_reader *reader = feed->filling->reader;
    const struct order_owner *owner = order_customers_get(&desk->customers, record->order_id);

    if (reader->customer_id[0] == '\0' && reader->client_id[0] == '\0')
        return read_record(desk, record) ? TURN_NOW : TURN_NEVER;
    if (owner != NULL && !is_wanted(reader, owner))
        return TURN_NEVER;
    if (!read_record(desk, record))
        return TURN_NEVER;
    if (owner == NULL && desk->event.type == EVENT_ORDER_PLACED)
        owner =
            order_customers_put(&desk->customers, record->order_id, &desk->event.data.order_placed);
    if (owner == NULL)
        return ask(feed, record, place, QUESTION_CUSTOMER);
    return is_wanted(reader, owner) ? TURN_NOW : TURN_NEVER;
}

static enum turn turn_by_cause(struct feed *feed, const struct feed_record *record,
                               const struct stream_place *place)
{
    struct stream_desk *desk = feed->filling->desk;
    const char *cause_id = desk->event.causation_id;
    const struct stream_place *cause;

    if (cause_id[0] == '\0' || record->topic == TOPIC_ORDERS || feed->is_unordered ||
        is_same(place, &feed->excused))
        return TURN_NOW;
    cause = event_places_get(&desk->places, cause_id);
    if (cause == NULL)
        return ask(feed, record, place, QUESTION_CAUSE);
    return cause->offset < *stream_reader_position(feed->filling->reader, cause) ? TURN_NOW
                                                                                 : TURN_LATER;
}

/* True: the reader is behind it. */
static bool tell(struct feed *feed, const struct stream_place *place)
{
    struct stream_desk *desk = feed->filling->desk;

    if (!filling_tell(feed->filling, &desk->event, place))
        return false;
    event_places_put(&desk->places, desk->event.event_id, place);
    return true;
}

/* Looks for the event that was sent in part. The pass ends with it. */
static bool visit_begun(struct feed *feed, const struct feed_record *record,
                        const struct stream_place *place)
{
    struct filling *filling = feed->filling;

    if (!is_same(place, &filling->reader->begun))
        return true;
    filling->is_lost = !read_record(filling->desk, record);
    if (!filling->is_lost)
        (void)tell(feed, place); /* what is left now is in `filling` */
    return false;
}

static bool visit(void *context, const struct feed_record *record)
{
    struct feed *feed = context;
    struct stream_reader *reader = feed->filling->reader;
    const struct stream_place place = {history_topic_index(record->topic), record->partition,
                                       record->offset};
    bool *blocked = &feed->blocked[place.topic][place.partition];
    bool is_held = *blocked || feed->awaits[place.topic][place.partition] != QUESTION_NONE;
    enum turn turn;

    if (reader->frame == FRAME_EVENT)
        return visit_begun(feed, record, &place);
    turn = is_held ? TURN_LATER : turn_by_customer(feed, record, &place);
    if (turn == TURN_NOW)
        turn = turn_by_cause(feed, record, &place);
    if (turn == TURN_ASK || (turn == TURN_NOW && !tell(feed, &place)))
        return false;
    if (turn == TURN_LATER) {
        if (!feed->blocks_any)
            feed->first_blocked = feed->cursor.next;
        feed->blocks_any = *blocked = true;
    } else {
        *stream_reader_position(reader, &place) = place.offset + 1;
        feed->passed_count++;
    }
    return true;
}

/* Returns 0 (that was all), 1 (there may be more) or a negative errno. */
static int run_pass(struct feed *feed, struct error *err)
{
    struct filling *filling = feed->filling;
    struct stream_reader *reader = filling->reader;
    bool is_begun = reader->frame == FRAME_EVENT;
    int r;

    filling->is_lost = is_begun;
    feed->cursor = reader->cursor;
    memset(feed->blocked, 0, sizeof(feed->blocked));
    feed->blocks_any = false;
    feed->passed_count = 0;
    feed->question = QUESTION_NONE;
    r = projection_feed(filling->desk->projection, &feed->cursor, visit, feed, err);
    if (r < 0 || is_begun)
        return r;
    reader->cursor.generation = feed->cursor.generation;
    reader->cursor.next = feed->blocks_any ? feed->first_blocked : feed->cursor.next;
    return r;
}

/* True if the tables now have what was asked for. */
static bool find_answer(struct feed *feed, const struct history *history)
{
    struct stream_desk *desk = feed->filling->desk;
    struct order_view view;
    bool is_there = false;

    order_view_fold(history->entries, history->count, &view);
    if (view.placed != NULL)
        order_customers_put(&desk->customers, feed->order_id, view.placed);
    for (size_t i = 0; i < history->count; i++) {
        const struct order_entry *entry = &history->entries[i];
        const struct stream_place place = {order_sequence_topic(entry), entry->partition,
                                           entry->offset};

        if (!str_equal(entry->event->event_id, feed->cause_id))
            continue;
        event_places_put(&desk->places, feed->cause_id, &place);
        is_there = true;
    }
    return feed->question == QUESTION_CUSTOMER ? view.placed != NULL : is_there;
}

static void await(struct feed *feed, enum question question)
{
    feed->awaits[feed->asking.topic][feed->asking.partition] = question;
    feed->awaits_any = true;
}

/* Looks into the order. What is not here yet is waited for, as long as it may still come. */
static int answer(struct feed *feed, struct error *err)
{
    struct stream_desk *desk = feed->filling->desk;
    struct history history = {.count = 0};
    int r = projection_read(desk->projection, desk->codec, feed->order_id, &history, err);

    if (r < 0)
        return r;
    if (!find_answer(feed, &history)) {
        if (order_cause_may_come(feed->asking_ms, feed->filling->now_ms))
            await(feed, feed->question);
        else if (feed->question == QUESTION_CUSTOMER)
            order_customers_put(&desk->customers, feed->order_id, NULL);
        else
            feed->excused = feed->asking;
    }
    history_done(&history);
    return 0;
}

/* From here on causes do not count. Whose an order is still does: its events would get lost. */
static void give_up_order(struct feed *feed)
{
    feed->is_unordered = true;
    feed->awaits_any = false;
    for (size_t i = 0; i < HISTORY_TOPIC_COUNT; i++)
        for (size_t p = 0; p < HISTORY_PARTITIONS_MAX; p++) {
            if (feed->awaits[i][p] == QUESTION_CAUSE)
                feed->awaits[i][p] = QUESTION_NONE;
            feed->awaits_any |= feed->awaits[i][p] != QUESTION_NONE;
        }
}

/* After a pass that went as far as it may. True: another one is of use. */
static bool goes_on(struct feed *feed, int passed, struct stream_progress *ret)
{
    bool is_over = !feed->blocks_any || feed->is_unordered;

    if (!is_over && feed->passed_count == 0) {
        is_over = passed == 0 && feed->awaits_any;
        if (!is_over)
            give_up_order(feed);
    }
    ret->is_held = feed->awaits_any;
    ret->has_more = passed == 1 && (!feed->blocks_any || feed->passed_count > 0);
    return !is_over;
}

int filling_from_all(struct filling *filling, struct stream_progress *ret, struct error *err)
{
    struct feed feed = {.filling = filling, .excused = {.offset = -1}};

    for (size_t i = 0; i < PASSES_MAX; i++) {
        bool is_begun = filling->reader->frame == FRAME_EVENT;
        int r = run_pass(&feed, err);

        if (r < 0)
            return r;
        if (filling->is_full || filling->is_lost)
            return 0;
        if (is_begun)
            continue;
        if (feed.question == QUESTION_NONE && !goes_on(&feed, r, ret))
            return 0;
        r = feed.question != QUESTION_NONE ? answer(&feed, err) : 0;
        if (r < 0)
            return r;
    }
    ret->has_more = true;
    return 0;
}

/*
 * stream_reader.c - see stream_reader.h. A frame that does not fit into what is left of the buffer
 * waits for the next one; one that is larger than the whole buffer goes out in pieces, and is
 * rendered anew for each.
 */
#include "services/order/stream_reader.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"

/* Orders whose customer is looked up in one go; each costs some ten microseconds. */
#define LOOKUPS_MAX 100
/* Whose an order is that was never placed. */
#define NOBODY ""

/* One filling of one buffer. */
struct filling {
    struct stream_reader *reader;
    struct stream_desk *desk;
    int64_t now_ms;
    char *buffer;
    size_t size, used;
    bool is_full;               /* something was left for the next buffer */
    bool is_lost;               /* the event that was sent in part is no longer there */
    char unknown_id[UUID_SIZE]; /* "", or whose customer has to be found out */
    int64_t unknown_ms;         /* the time of the event that asks */
};

/* ------------------------------------------------------------------------------- the frames */

static void write_id(const struct stream_reader *reader, char out[STREAM_ID_SIZE(STREAM_POSITIONS)])
{
    if (reader->kind == STREAM_OF_ORDER)
        stream_id_format(reader->kind, reader->positions, 1, ORDER_POSITIONS, out);
    else
        stream_id_format(reader->kind, reader->cursor.positions.next[0], HISTORY_TOPIC_COUNT,
                         HISTORY_PARTITIONS_MAX, out);
}

/* The opening or the comment. */
static void render_note(struct stream_desk *desk, const struct stream_reader *reader)
{
    char id[STREAM_ID_SIZE(STREAM_POSITIONS)];

    write_id(reader, id);
    if (reader->frame == FRAME_OPENING)
        desk->frame_len = (size_t)snprintf(desk->frame, sizeof(desk->frame),
                                           "retry: %d\nid: %s\n\n", STREAM_RETRY_MS, id);
    else
        desk->frame_len =
            (size_t)snprintf(desk->frame, sizeof(desk->frame), ": ping\nid: %s\n\n", id);
}

/* False: it breaks a rule, and is no event. */
static bool render_event(struct stream_desk *desk, const char *id, const struct event *event)
{
    const char *json;
    size_t len;

    if (event_encode(desk->codec, event, &json, &len, NULL) < 0 || len > EVENT_BYTES_MAX)
        return false;
    desk->frame_len =
        (size_t)snprintf(desk->frame, sizeof(desk->frame), "id: %s\nevent: %s\ndata: %s\n\n", id,
                         event_type_name(event->type), json);
    assert(desk->frame_len < sizeof(desk->frame));
    return true;
}

/* Puts what is left of the frame. True: that is all of it. */
static bool put_frame(struct filling *filling)
{
    struct stream_reader *reader = filling->reader;
    size_t left = filling->desk->frame_len - reader->sent, room = filling->size - filling->used;
    size_t part = left <= room ? left : filling->used == 0 ? room : 0;

    memcpy(filling->buffer + filling->used, filling->desk->frame + reader->sent, part);
    filling->used += part;
    filling->is_full = part < left;
    reader->sent = filling->is_full ? reader->sent + part : 0;
    return !filling->is_full;
}

static void put_note(struct filling *filling)
{
    render_note(filling->desk, filling->reader);
    if (put_frame(filling))
        filling->reader->frame = FRAME_NONE;
}

/* Puts an event that is rendered. True: it is told. */
static bool put_event(struct filling *filling, enum topic topic, int32_t partition, int64_t offset)
{
    struct stream_reader *reader = filling->reader;
    bool is_whole = put_frame(filling);

    reader->frame = reader->sent > 0 ? FRAME_EVENT : FRAME_NONE;
    reader->topic = topic;
    reader->partition = partition;
    reader->offset = offset;
    return is_whole;
}

/* ----------------------------------------------------------------------------- of one order */

static const struct order_entry *find_entry(const struct history *history,
                                            const struct stream_reader *reader)
{
    for (size_t i = 0; i < history->count; i++)
        if (event_topic(history->entries[i].event->type) == reader->topic &&
            history->entries[i].offset == reader->offset)
            return &history->entries[i];
    return NULL;
}

/* What was begun is gone on with, whatever else has come meanwhile. */
static const struct order_entry *next_entry(struct filling *filling, const struct history *history,
                                            bool *ret_held)
{
    struct stream_reader *reader = filling->reader;
    const struct order_entry *entry;

    if (reader->frame != FRAME_EVENT)
        return order_sequence_next(history->entries, history->count, reader->positions,
                                   filling->now_ms, ret_held);
    entry = find_entry(history, reader);
    filling->is_lost = entry == NULL;
    return entry;
}

static void tell_order(struct filling *filling, const struct history *history, bool *ret_held)
{
    struct stream_reader *reader = filling->reader;
    int64_t behind[ORDER_POSITIONS];
    char id[STREAM_ID_SIZE(ORDER_POSITIONS)];
    const struct order_entry *entry;

    while ((entry = next_entry(filling, history, ret_held)) != NULL) {
        memcpy(behind, reader->positions, sizeof(behind));
        order_sequence_pass(entry, behind);
        stream_id_format(reader->kind, behind, 1, ORDER_POSITIONS, id);
        if (render_event(filling->desk, id, entry->event) &&
            !put_event(filling, event_topic(entry->event->type), entry->partition, entry->offset))
            return;
        memcpy(reader->positions, behind, sizeof(behind));
    }
}

static int fill_from_order(struct filling *filling, struct stream_progress *ret, struct error *err)
{
    struct stream_desk *desk = filling->desk;
    struct history history = {.count = 0};
    int r =
        projection_read(desk->projection, desk->codec, filling->reader->order_id, &history, err);

    if (r < 0)
        return r;
    tell_order(filling, &history, &ret->is_held);
    history_done(&history);
    ret->has_more = filling->is_full;
    return 0;
}

/* ---------------------------------------------------------------------------- of all orders */

/* False: it is no event of that order, and everybody passes over it. */
static bool read_record(struct stream_desk *desk, const struct feed_record *record)
{
    return event_decode(desk->codec, record->json, record->len, &desk->event, NULL) == 0 &&
           event_topic(desk->event.type) == record->topic &&
           str_equal(event_key(&desk->event), record->order_id);
}

/* The customer of the record's order; NULL: has to be found out. */
static const char *customer_of(struct stream_desk *desk, const struct feed_record *record)
{
    const char *customer_id = order_customers_get(&desk->customers, record->order_id);

    if (customer_id == NULL && record->topic == TOPIC_ORDERS && read_record(desk, record) &&
        desk->event.type == EVENT_ORDER_PLACED) {
        order_customers_put(&desk->customers, record->order_id,
                            desk->event.data.order_placed.customer_id);
        customer_id = order_customers_get(&desk->customers, record->order_id);
    }
    return customer_id;
}

/* The id that the reader's cursor will stand for behind this record. */
static void write_next_id(struct stream_reader *reader, const struct feed_record *record,
                          char out[STREAM_ID_SIZE(STREAM_POSITIONS)])
{
    size_t topic = history_topic_index(record->topic);
    int64_t *position = &reader->cursor.positions.next[topic][record->partition];
    int64_t before = *position;

    *position = record->offset + 1;
    write_id(reader, out);
    *position = before;
}

/* True: it is told, or is no event. */
static bool tell_record(struct filling *filling, const struct feed_record *record)
{
    struct stream_desk *desk = filling->desk;
    char id[STREAM_ID_SIZE(STREAM_POSITIONS)];

    if (!read_record(desk, record))
        return true;
    write_next_id(filling->reader, record, id);
    return !render_event(desk, id, &desk->event) ||
           put_event(filling, record->topic, record->partition, record->offset);
}

static bool is_begun(const struct stream_reader *reader, const struct feed_record *record)
{
    return record->topic == reader->topic && record->partition == reader->partition &&
           record->offset == reader->offset;
}

static bool visit_record(void *context, const struct feed_record *record)
{
    struct filling *filling = context;
    struct stream_reader *reader = filling->reader;
    struct stream_desk *desk = filling->desk;

    filling->is_lost = reader->frame == FRAME_EVENT && !is_begun(reader, record);
    if (filling->is_lost)
        return false;
    if (reader->customer_id[0] != '\0' && reader->frame != FRAME_EVENT) {
        const char *customer_id = customer_of(desk, record);

        if (customer_id == NULL && read_record(desk, record)) {
            str_copy(filling->unknown_id, UUID_SIZE, record->order_id);
            filling->unknown_ms = desk->event.timestamp_ms;
            return false;
        }
        if (customer_id == NULL || !str_equal(customer_id, reader->customer_id))
            return true;
    }
    return tell_record(filling, record);
}

/*
 * Looks into the order: 1, and the table has an answer, or a negative errno. Without OrderPlaced it
 * has no customer; as long as that may still come, the stream waits for it: 0.
 */
static int find_customer(struct filling *filling, struct error *err)
{
    struct stream_desk *desk = filling->desk;
    struct history history = {.count = 0};
    struct order_view view;
    const char *customer_id = NULL;
    int r = projection_read(desk->projection, desk->codec, filling->unknown_id, &history, err);

    if (r < 0)
        return r;
    order_view_fold(history.entries, history.count, &view);
    if (view.placed != NULL)
        customer_id = view.placed->customer_id;
    else if (!order_cause_may_come(filling->unknown_ms, filling->now_ms))
        customer_id = NOBODY;
    if (customer_id != NULL)
        order_customers_put(&desk->customers, filling->unknown_id, customer_id);
    history_done(&history);
    return customer_id != NULL;
}

static int fill_from_all(struct filling *filling, struct stream_progress *ret, struct error *err)
{
    struct stream_desk *desk = filling->desk;
    struct stream_reader *reader = filling->reader;
    int r = 1;

    for (size_t i = 0; r == 1 && i < LOOKUPS_MAX; i++) {
        filling->unknown_id[0] = '\0';
        filling->is_lost = reader->frame == FRAME_EVENT;
        r = projection_feed(desk->projection, &reader->cursor, visit_record, filling, err);
        if (r < 0)
            return r;
        ret->has_more = r == 1 || filling->is_full;
        if (filling->unknown_id[0] == '\0')
            return 0;
        r = find_customer(filling, err);
        ret->is_held = r == 0;
        ret->has_more = r > 0;
    }
    return r < 0 ? r : 0;
}

/* ---------------------------------------------------------------------------------- filling */

void stream_reader_open(struct stream_reader *reader)
{
    reader->frame = FRAME_OPENING;
    reader->sent = 0;
}

ssize_t stream_reader_fill(struct stream_reader *reader, struct stream_desk *desk, int64_t now_ms,
                           bool is_due, char *buffer, size_t size, struct stream_progress *ret,
                           struct error *err)
{
    struct filling filling = {
        .reader = reader, .desk = desk, .now_ms = now_ms, .buffer = buffer, .size = size};
    int r = 0;

    *ret = (struct stream_progress){.has_more = false};
    if (reader->frame == FRAME_OPENING || reader->frame == FRAME_PING)
        put_note(&filling);
    if (!filling.is_full)
        r = reader->kind == STREAM_OF_ORDER ? fill_from_order(&filling, ret, err)
                                            : fill_from_all(&filling, ret, err);
    if (r < 0 && r != -EAGAIN)
        return r;
    if (r == 0 && filling.is_lost)
        return error_set(err, -ESTALE, "an event has expired while it was being sent");
    /* Who has passed over much and found nothing says so, too: somebody else gets a turn. */
    if (filling.used == 0 && (is_due || ret->has_more) && reader->frame == FRAME_NONE) {
        reader->frame = FRAME_PING;
        put_note(&filling);
    }
    ret->has_more |= filling.is_full;
    return (ssize_t)filling.used;
}

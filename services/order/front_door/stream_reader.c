/*
 * stream_reader.c - see stream_reader.h. A frame that does not fit into what is left of the buffer
 * waits for the next one; one that is larger than the whole buffer goes out in pieces, and is
 * rendered anew for each.
 */
#include "services/order/front_door/stream_reader.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "services/order/front_door/stream_filling.h"

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

/* The reader's id behind that place, which becomes its position only when the event is told. */
static void write_id_behind(struct stream_reader *reader, const struct stream_place *place,
                            char out[STREAM_ID_SIZE(STREAM_POSITIONS)])
{
    int64_t *position = stream_reader_position(reader, place), before = *position;

    *position = place->offset + 1;
    write_id(reader, out);
    *position = before;
}

bool filling_tell(struct filling *filling, const struct event *event,
                  const struct stream_place *place)
{
    struct stream_reader *reader = filling->reader;
    char id[STREAM_ID_SIZE(STREAM_POSITIONS)];

    write_id_behind(reader, place, id);
    if (render_event(filling->desk, id, event)) {
        if (!put_frame(filling)) {
            reader->frame = reader->sent > 0 ? FRAME_EVENT : FRAME_NONE;
            reader->begun = *place;
            return false;
        }
        reader->frame = FRAME_NONE;
    }
    *stream_reader_position(reader, place) = place->offset + 1;
    return true;
}

int64_t *stream_reader_position(struct stream_reader *reader, const struct stream_place *place)
{
    return reader->kind == STREAM_OF_ORDER
               ? &reader->positions[place->topic]
               : &reader->cursor.positions.next[place->topic][place->partition];
}

/* ----------------------------------------------------------------------------- of one order */

static struct stream_place place_of(const struct order_entry *entry)
{
    return (struct stream_place){order_sequence_topic(entry), entry->partition, entry->offset};
}

static const struct order_entry *find_begun(const struct history *history,
                                            const struct stream_reader *reader)
{
    for (size_t i = 0; i < history->count; i++)
        if (order_sequence_topic(&history->entries[i]) == reader->begun.topic &&
            history->entries[i].offset == reader->begun.offset)
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
    entry = find_begun(history, reader);
    filling->is_lost = entry == NULL;
    return entry;
}

static void tell_order(struct filling *filling, const struct history *history, bool *ret_held)
{
    const struct order_entry *entry;

    while ((entry = next_entry(filling, history, ret_held)) != NULL) {
        const struct stream_place place = place_of(entry);

        if (!filling_tell(filling, entry->event, &place))
            return;
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
                                            : filling_from_all(&filling, ret, err);
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

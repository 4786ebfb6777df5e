/* order_sequence.c - see order_sequence.h. The order of one topic is that of its offsets. */
#include "services/order/front_door/order_sequence.h"

#include <assert.h>

#include "common/base/util.h"
#include "services/order/read_side/history.h"

static_assert(ORDER_POSITIONS == HISTORY_TOPIC_COUNT, "one position per topic");

size_t order_sequence_topic(const struct order_entry *entry)
{
    size_t index = history_topic_index(event_topic(entry->event->type));

    assert(index < ORDER_POSITIONS);
    return index;
}

static bool is_told(const struct order_entry *entry, const int64_t positions[ORDER_POSITIONS])
{
    return entry->offset < positions[order_sequence_topic(entry)];
}

bool order_cause_may_come(int64_t timestamp_ms, int64_t now_ms)
{
    int64_t age_ms = now_ms - timestamp_ms;

    return age_ms > -CAUSE_WAIT_MS && age_ms < CAUSE_WAIT_MS;
}

enum turn {
    TURN_NOW,
    TURN_LATER,   /* its cause is here, and is told first */
    TURN_UNKNOWN, /* its cause is not here yet */
};

static enum turn turn_of(const struct order_entry *entry, const struct order_entry *entries,
                         size_t count, const int64_t positions[ORDER_POSITIONS], int64_t now_ms)
{
    const char *cause = entry->event->causation_id;

    if (cause[0] == '\0' || event_topic(entry->event->type) == TOPIC_ORDERS)
        return TURN_NOW;
    for (size_t i = 0; i < count; i++)
        if (str_equal(entries[i].event->event_id, cause))
            return is_told(&entries[i], positions) ? TURN_NOW : TURN_LATER;
    return order_cause_may_come(entry->event->timestamp_ms, now_ms) ? TURN_UNKNOWN : TURN_NOW;
}

/* Each topic's first entry that was not told, or NULL. */
static void find_heads(const struct order_entry *entries, size_t count,
                       const int64_t positions[ORDER_POSITIONS],
                       const struct order_entry *heads[ORDER_POSITIONS])
{
    for (size_t i = 0; i < ORDER_POSITIONS; i++)
        heads[i] = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct order_entry **head = &heads[order_sequence_topic(&entries[i])];

        if (!is_told(&entries[i], positions) &&
            (*head == NULL || entries[i].offset < (*head)->offset))
            *head = &entries[i];
    }
}

static const struct order_entry *earlier_of(const struct order_entry *a,
                                            const struct order_entry *b)
{
    return b == NULL || a->event->timestamp_ms < b->event->timestamp_ms ? a : b;
}

/*
 * If all that is left waits for something that is here, then it waits in a circle: somebody has
 * made up the causes, and the earliest goes first.
 */
const struct order_entry *order_sequence_next(const struct order_entry *entries, size_t count,
                                              const int64_t positions[ORDER_POSITIONS],
                                              int64_t now_ms, bool *ret_held)
{
    const struct order_entry *heads[ORDER_POSITIONS], *next = NULL, *later = NULL;

    *ret_held = false;
    find_heads(entries, count, positions, heads);
    for (size_t i = 0; i < ORDER_POSITIONS; i++) {
        if (heads[i] == NULL)
            continue;
        switch (turn_of(heads[i], entries, count, positions, now_ms)) {
        case TURN_NOW:
            next = earlier_of(heads[i], next);
            break;
        case TURN_LATER:
            later = earlier_of(heads[i], later);
            break;
        case TURN_UNKNOWN:
            *ret_held = true;
            break;
        }
    }
    return next != NULL || *ret_held ? next : later;
}

void order_sequence_pass(const struct order_entry *entry, int64_t positions[ORDER_POSITIONS])
{
    positions[order_sequence_topic(entry)] = entry->offset + 1;
}

/* decide_support.c - see decide_support.h. */
#include "decide_support.h"

#include <inttypes.h>
#include <stdlib.h>

static struct {
    const struct participant *participant;
    const void *settings;
    struct book book;
    struct decision decision;
} scene;

/* --- the book --------------------------------------------------------------------------------- */

static const struct subscription *subscription_of(const struct participant *participant,
                                                  enum event_type type)
{
    for (size_t i = 0; i < participant->subscription_count; i++)
        if (participant->subscriptions[i].type == type)
            return &participant->subscriptions[i];
    ck_abort_msg("%s does not subscribe to %s", participant->name, event_type_name(type));
    return NULL;
}

static struct stock_level_changed *level_find(const struct book *book, const char *product)
{
    for (size_t i = 0; i < book->level_count; i++)
        if (str_equal(book->levels[i].product_id, product))
            return (struct stock_level_changed *)&book->levels[i];
    return NULL;
}

/* The level as the event it was, or none. As small as the runtime keeps it: overreads show. */
static struct event *level_event(const struct book *book, const char *product)
{
    static struct event level;
    const struct stock_level_changed *data = level_find(book, product);
    struct event *event;

    level.type = data != NULL ? EVENT_STOCK_LEVEL_CHANGED : EVENT_NONE;
    if (data != NULL)
        level.data.stock_level_changed = *data;
    event = malloc(event_size(&level));
    event_copy(event, &level);
    return event;
}

/* Ids and time are the runtime's matter: here they are always empty. */
static void clear_envelope(struct event *event)
{
    enum event_type type = event->type;

    memset(event, 0, offsetof(struct event, data));
    event->type = type;
}

void book_decide(const struct participant *participant, const void *settings,
                 const struct book *book, const struct event *event, int64_t offset,
                 struct decision *out)
{
    const struct subscription *subscription = subscription_of(participant, event->type);
    bool by_product = subscription->ledger == TOPIC_STOCK;
    struct event *level = by_product ? level_event(book, event_key(event)) : NULL;
    const struct input in = {.event = event, .offset = offset};
    struct related_keys keys = {0};
    struct state state = {.last = by_product ? level : &book->order};

    if (participant->relate != NULL)
        participant->relate(&in, state.last, &keys);
    for (size_t i = 0; i < keys.count; i++)
        state.related[state.related_count++] = level_event(book, keys.keys[i]);

    out->impossible = NULL;
    out->event_count = 0;
    participant->decide(settings, &in, &state, out);
    for (size_t i = 0; i < out->event_count; i++)
        clear_envelope(&out->events[i]);
    for (size_t i = 0; i < state.related_count; i++)
        free((void *)state.related[i]);
    free(level);
}

void book_add(struct book *book, const struct event *event)
{
    const struct stock_level_changed *data = &event->data.stock_level_changed;
    struct stock_level_changed *level;

    if (event->type != EVENT_STOCK_LEVEL_CHANGED) {
        event_copy(&book->order, event);
        return;
    }
    level = level_find(book, data->product_id);
    if (level == NULL)
        level = &book->levels[book->level_count++];
    *level = *data;
}

void book_add_all(struct book *book, const struct decision *decision)
{
    for (size_t i = 0; i < decision->event_count; i++)
        book_add(book, &decision->events[i]);
}

static bool level_equal(const struct stock_level_changed *a, const struct stock_level_changed *b)
{
    return a->on_hand == b->on_hand && a->reserved == b->reserved && a->available == b->available &&
           a->last_receipt_offset == b->last_receipt_offset;
}

bool book_equal(const struct book *a, const struct book *b)
{
    if (a->level_count != b->level_count || !event_equal(&a->order, &b->order))
        return false;
    for (size_t i = 0; i < a->level_count; i++) {
        const struct stock_level_changed *other = level_find(b, a->levels[i].product_id);

        if (other == NULL || !level_equal(&a->levels[i], other))
            return false;
    }
    return true;
}

/* --- the scene -------------------------------------------------------------------------------- */

void scene_start(const struct participant *participant, const void *settings)
{
    memset(&scene.book, 0, sizeof(scene.book));
    scene.participant = participant;
    scene.settings = settings;
}

void scene_given(struct event event)
{
    book_add(&scene.book, &event);
}

void scene_when(struct event event, int64_t offset)
{
    /* Not zero: a member that the rule forgets to fill in must not look filled in. */
    memset(&scene.decision, 0xa5, sizeof(scene.decision));
    book_decide(scene.participant, scene.settings, &scene.book, &event, offset, &scene.decision);
}

void scene_then(const char *file, int line, const struct event *expected, size_t count)
{
    const struct decision *got = &scene.decision;

    ck_assert_msg(got->impossible == NULL, "%s:%d: impossible: %s", file, line, got->impossible);
    for (size_t i = 0; i < count && i < got->event_count; i++)
        ck_assert_msg(event_equal(&got->events[i], &expected[i]),
                      "%s:%d: event %zu is another %s than the expected %s", file, line, i,
                      event_type_name(got->events[i].type), event_type_name(expected[i].type));
    ck_assert_msg(got->event_count == count, "%s:%d: %zu events, not %zu", file, line,
                  got->event_count, count);
}

void scene_then_impossible(const char *file, int line, const char *part)
{
    const struct decision *got = &scene.decision;

    ck_assert_msg(got->impossible != NULL, "%s:%d: possible: %zu events", file, line,
                  got->event_count);
    ck_assert_msg(strstr(got->impossible, part) != NULL, "%s:%d: %s", file, line, got->impossible);
    ck_assert_msg(got->event_count == 0, "%s:%d: %zu events", file, line, got->event_count);
}

/* saga_world.c - see saga_world.h. */
#include "saga_world.h"

#include <stdlib.h>

#include "services/inventory/inventory_participant.h"
#include "services/order/order_participant.h"
#include "services/payment/payment_participant.h"
#include "services/shipping/shipping_participant.h"

#define EVENTS_MAX 250
#define SLOTS (2 * WORLDS_MAX)

static const struct participant *const participants[SERVICE_COUNT] = {
    [PAYMENT] = &payment_participant,
    [INVENTORY] = &inventory_participant,
    [SHIPPING] = &shipping_participant,
    [ORDER] = &order_participant,
};

static const void *const *settings;
static const struct watch *watch;
static struct event *events[EVENTS_MAX]; /* each that was ever published, once */
static size_t event_count;
static size_t receipts_at_start;
static struct world *worlds; /* found so far; explored in this order */
static size_t worlds_found;
static uint32_t slots[SLOTS]; /* 1 + index of a world; 0: free */

/* --- the topics ------------------------------------------------------------------------------- */

static uint8_t event_number(const struct event *event)
{
    for (size_t i = 0; i < event_count; i++)
        if (event_equal(events[i], event))
            return (uint8_t)i;
    REQUIRE(event_count < EVENTS_MAX, "more events than expected");
    events[event_count] = calloc(1, event_size(event));
    event_copy(events[event_count], event);
    return (uint8_t)event_count++;
}

void world_publish(struct world *world, size_t lane, const struct event *event)
{
    enum topic topic = event_topic(event->type);

    if (!topic_info(topic)->keyed_by_order)
        lane = 0;
    REQUIRE(world->length[lane][topic] < RECORDS_MAX, "%s", topic_info(topic)->name);
    world->records[lane][topic][world->length[lane][topic]++] = event_number(event);
}

const struct event *world_record(const struct world *world, size_t lane, enum topic topic, size_t i)
{
    return events[world->records[lane][topic][i]];
}

size_t world_count(const struct world *world, size_t lane, enum event_type type)
{
    enum topic topic = event_topic(type);
    size_t count = 0;

    for (size_t i = 0; i < world->length[lane][topic]; i++)
        count += world_record(world, lane, topic, i)->type == type;
    return count;
}

const struct event *world_find(const struct world *world, size_t lane, enum event_type type)
{
    enum topic topic = event_topic(type);

    for (size_t i = 0; i < world->length[lane][topic]; i++)
        if (world_record(world, lane, topic, i)->type == type)
            return world_record(world, lane, topic, i);
    return NULL;
}

static void book_add_topic(struct book *book, const struct world *world, size_t lane,
                           enum topic topic)
{
    for (size_t i = 0; i < world->length[lane][topic]; i++)
        book_add(book, world_record(world, lane, topic, i));
}

const struct book *world_book(const struct world *world, size_t lane, enum service service,
                              enum topic ledger)
{
    static struct book book;
    const struct participant *participant = participants[service];

    book.order.type = EVENT_NONE;
    book.level_count = 0;
    for (size_t i = 0; i < participant->ledger_count; i++) {
        enum topic own = participant->ledgers[i];

        if (!topic_info(own)->keyed_by_order)
            book_add_topic(&book, world, 0, own);
        else if (own == ledger)
            book_add_topic(&book, world, lane, own);
    }
    return &book;
}

/* --- the set of worlds ------------------------------------------------------------------------ */

static uint32_t world_hash(const struct world *world)
{
    const uint8_t *bytes = (const uint8_t *)world;
    uint32_t hash = 2166136261; /* FNV-1a */

    for (size_t i = 0; i < sizeof(*world); i++)
        hash = (hash ^ bytes[i]) * 16777619;
    return hash;
}

static void remember(const struct world *world)
{
    size_t slot = world_hash(world) % SLOTS;

    while (slots[slot] != 0) {
        if (memcmp(&worlds[slots[slot] - 1], world, sizeof(*world)) == 0)
            return;
        slot = (slot + 1) % SLOTS;
    }
    REQUIRE(worlds_found < WORLDS_MAX, "more worlds than expected");
    worlds[worlds_found++] = *world;
    slots[slot] = (uint32_t)worlds_found;
}

/* --- the steps -------------------------------------------------------------------------------- */

static const struct subscription *subscription_of(enum service service, enum event_type type)
{
    const struct participant *participant = participants[service];

    for (size_t i = 0; i < participant->subscription_count; i++)
        if (participant->subscriptions[i].type == type)
            return &participant->subscriptions[i];
    return NULL;
}

static bool consumes(enum service service, enum event_type type)
{
    return subscription_of(service, type) != NULL;
}

static bool is_done(const struct world *world, size_t lane, enum service service, enum topic topic,
                    size_t i)
{
    return (world->done[lane][service][topic] >> i & 1) != 0;
}

static bool is_refused(const struct world *world, enum topic topic, size_t i)
{
    return topic == TOPIC_STOCK_RECEIPTS && (world->refused >> i & 1) != 0;
}

static const struct decision *decide(const struct world *world, size_t lane, enum service service,
                                     enum topic topic, size_t i)
{
    static struct decision decision;
    const struct event *event = world_record(world, lane, topic, i);

    book_decide(participants[service], settings[service],
                world_book(world, lane, service, subscription_of(service, event->type)->ledger),
                event, (int64_t)i, &decision);
    REQUIRE(decision.impossible == NULL, "%s, %s: %s", participants[service]->name,
            event_type_name(event->type), decision.impossible);
    return &decision;
}

static void take(const struct world *world, size_t lane, enum service service, enum topic topic,
                 size_t i)
{
    const struct decision *decision = decide(world, lane, service, topic, i);
    struct world next = *world;

    next.done[lane][service][topic] |= (uint16_t)(1U << i);
    for (size_t e = 0; e < decision->event_count; e++) {
        watch->step(world, lane, world_record(world, lane, topic, i), &decision->events[e]);
        world_publish(&next, lane, &decision->events[e]);
    }
    remember(&next);
}

/* The bookmark is saved with a dead letter: what was refused is never delivered again. */
static void take_again(const struct world *world, size_t lane, enum service service,
                       enum topic topic, size_t i)
{
    if (!is_refused(world, topic, i))
        REQUIRE(decide(world, lane, service, topic, i)->event_count == 0, "%s, %s: twice",
                participants[service]->name,
                event_type_name(world_record(world, lane, topic, i)->type));
}

/* Each receipt once, so that there is an end. */
static void refuse_receipt(const struct world *world, size_t i)
{
    struct world next = *world;

    next.done[0][INVENTORY][TOPIC_STOCK_RECEIPTS] |= (uint16_t)(1U << i);
    next.refused |= (uint16_t)(1U << i);
    remember(&next);
}

/* Returns false if there was none to be replayed. */
static bool replay_receipts(const struct world *world)
{
    for (size_t i = 0; i < receipts_at_start; i++) {
        struct world next = *world;

        if (((world->refused & ~world->replayed) >> i & 1) == 0)
            continue;
        next.replayed |= (uint16_t)(1U << i);
        world_publish(&next, 0, world_record(world, 0, TOPIC_STOCK_RECEIPTS, i));
        remember(&next);
    }
    return world->refused != world->replayed;
}

/* The front door asks for the cancellation of orders only that it has seen placed. */
static bool is_written(const struct world *world, size_t lane, enum event_type type)
{
    return type != EVENT_ORDER_CANCELLATION_SUBMITTED ||
           world_count(world, lane, EVENT_ORDER_PLACED) > 0;
}

/* Returns false if there was nothing left to read. */
static bool read_topic(const struct world *world, size_t lane, enum service service,
                       enum topic topic)
{
    bool any = false;

    for (size_t i = 0; i < world->length[lane][topic]; i++) {
        enum event_type type = world_record(world, lane, topic, i)->type;

        if (!consumes(service, type) || !is_written(world, lane, type))
            continue;
        if (is_done(world, lane, service, topic, i)) {
            take_again(world, lane, service, topic, i);
            continue;
        }
        any = true;
        take(world, lane, service, topic, i);
        if (topic != TOPIC_STOCK_RECEIPTS)
            continue;
        if (i < receipts_at_start)
            refuse_receipt(world, i);
        break; /* receipts come in the order of their offsets */
    }
    return any;
}

static bool read_everything(const struct world *world)
{
    bool any = replay_receipts(world);

    for (size_t lane = 0; lane < LANES; lane++)
        for (enum service s = 0; s < SERVICE_COUNT; s++)
            for (enum topic t = TOPIC_NONE + 1; t < TOPIC_COUNT; t++)
                any |= read_topic(world, lane, s, t);
    return any;
}

size_t world_explore(const struct world *start, const void *const settings_of[SERVICE_COUNT],
                     const struct watch *watch_by)
{
    settings = settings_of;
    watch = watch_by;
    receipts_at_start = start->length[0][TOPIC_STOCK_RECEIPTS];
    worlds = malloc(WORLDS_MAX * sizeof(*worlds));
    worlds_found = 0;
    memset(slots, 0, sizeof(slots));
    remember(start);
    for (size_t w = 0; w < worlds_found; w++)
        watch->world(&worlds[w], !read_everything(&worlds[w]));
    free(worlds);
    return worlds_found;
}

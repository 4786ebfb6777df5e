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

static bool consumes_topic(enum service service, enum topic topic)
{
    const struct participant *participant = participants[service];

    for (size_t i = 0; i < participant->subscription_count; i++)
        if (event_topic(participant->subscriptions[i].type) == topic)
            return true;
    return false;
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

static void read_next(const struct world *world, size_t lane, enum service service,
                      enum topic topic)
{
    struct world next = *world;
    size_t i = next.read[lane][service][topic]++;

    if (consumes(service, world_record(world, lane, topic, i)->type)) {
        const struct decision *decision = decide(world, lane, service, topic, i);

        for (size_t e = 0; e < decision->event_count; e++) {
            watch->step(world, lane, world_record(world, lane, topic, i), &decision->events[e]);
            world_publish(&next, lane, &decision->events[e]);
        }
    }
    remember(&next);
}

static void read_again(const struct world *world, size_t lane, enum service service,
                       enum topic topic)
{
    for (size_t i = 0; i < world->read[lane][service][topic]; i++) {
        enum event_type type = world_record(world, lane, topic, i)->type;

        if (consumes(service, type))
            REQUIRE(decide(world, lane, service, topic, i)->event_count == 0, "%s, %s: twice",
                    participants[service]->name, event_type_name(type));
    }
}

/* Returns false if there was nothing left to read. */
static bool read_topic(const struct world *world, size_t lane, enum service service,
                       enum topic topic)
{
    if (!consumes_topic(service, topic))
        return false;
    read_again(world, lane, service, topic);
    if (world->read[lane][service][topic] == world->length[lane][topic])
        return false;
    read_next(world, lane, service, topic);
    return true;
}

static bool read_everything(const struct world *world)
{
    bool any = false;

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
    worlds = malloc(WORLDS_MAX * sizeof(*worlds));
    worlds_found = 0;
    memset(slots, 0, sizeof(slots));
    remember(start);
    for (size_t w = 0; w < worlds_found; w++)
        watch->world(&worlds[w], !read_everything(&worlds[w]));
    free(worlds);
    return worlds_found;
}

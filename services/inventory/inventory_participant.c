/* inventory_participant.c - which events concern the inventory service, as in topics.json. */
#include "services/inventory/inventory_participant.h"

#include "common/base/util.h"
#include "services/inventory/inventory_decide.h"

static const struct subscription subscriptions[] = {
    {EVENT_PAYMENT_PROCESSED, TOPIC_INVENTORY},  /* hold all lines, or none */
    {EVENT_SHIPMENT_CREATED, TOPIC_INVENTORY},   /* deduct */
    {EVENT_SHIPMENT_FAILED, TOPIC_INVENTORY},    /* release */
    {EVENT_SHIPMENT_CANCELLED, TOPIC_INVENTORY}, /* release, or bar the late reservation */
    {EVENT_STOCK_RECEIVED, TOPIC_STOCK},         /* count in */
};

const struct participant inventory_participant = {
    .name = "inventory",
    .shards = TOPIC_INVENTORY_SHARDS,
    .dead_letters = TOPIC_INVENTORY_DEAD_LETTERS,
    .replays = TOPIC_INVENTORY_REPLAYS,
    .ledgers = {TOPIC_INVENTORY, TOPIC_STOCK},
    .ledger_count = 2,
    .subscriptions = subscriptions,
    .subscription_count = ARRAY_LEN(subscriptions),
    .relate = inventory_relate,
    .related_ledger = TOPIC_STOCK,
    .decide = inventory_decide,
};

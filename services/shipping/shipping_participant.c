/* shipping_participant.c - which events concern the shipping service, as in topics.json. */
#include "services/shipping/shipping_participant.h"

#include "common/base/util.h"
#include "services/shipping/shipping_decide.h"

static const struct subscription subscriptions[] = {
    {EVENT_INVENTORY_RESERVED, TOPIC_SHIPMENTS},           /* ship */
    {EVENT_ORDER_CANCELLATION_REQUESTED, TOPIC_SHIPMENTS}, /* cancel, unless it has shipped */
};

const struct participant shipping_participant = {
    .name = "shipping",
    .shards = TOPIC_SHIPPING_SHARDS,
    .dead_letters = TOPIC_SHIPPING_DEAD_LETTERS,
    .replays = TOPIC_SHIPPING_REPLAYS,
    .ledgers = {TOPIC_SHIPMENTS},
    .ledger_count = 1,
    .subscriptions = subscriptions,
    .subscription_count = ARRAY_LEN(subscriptions),
    .decide = shipping_decide,
};

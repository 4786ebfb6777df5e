/* order_participant.c - which events concern the order service, as in topics.json. */
#include "services/order/order_participant.h"

#include "common/base/util.h"
#include "services/order/order_decide.h"

static const struct subscription subscriptions[] = {
    {EVENT_ORDER_SUBMITTED, TOPIC_ORDERS},              /* place, once per key */
    {EVENT_ORDER_CANCELLATION_SUBMITTED, TOPIC_ORDERS}, /* ask shipping, once */

    {EVENT_SHIPMENT_CREATED, TOPIC_ORDER_OUTCOMES},  /* complete */
    {EVENT_PAYMENT_FAILED, TOPIC_ORDER_OUTCOMES},    /* cancel */
    {EVENT_PAYMENT_REFUNDED, TOPIC_ORDER_OUTCOMES},  /* cancel */
    {EVENT_PAYMENT_CANCELLED, TOPIC_ORDER_OUTCOMES}, /* cancel */
};

const struct participant order_participant = {
    .name = "order",
    .shards = TOPIC_ORDER_SHARDS,
    .dead_letters = TOPIC_ORDER_DEAD_LETTERS,
    .replays = TOPIC_ORDER_REPLAYS,
    .ledgers = {TOPIC_ORDERS, TOPIC_ORDER_OUTCOMES},
    .ledger_count = 2,
    .subscriptions = subscriptions,
    .subscription_count = ARRAY_LEN(subscriptions),
    .decide = order_decide,
};

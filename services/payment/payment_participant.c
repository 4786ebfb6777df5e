/* payment_participant.c - which events concern the payment service, as in topics.json. */
#include "services/payment/payment_participant.h"

#include "common/base/util.h"
#include "services/payment/payment_decide.h"

static const struct subscription subscriptions[] = {
    {EVENT_ORDER_PLACED, TOPIC_PAYMENTS},                    /* charge */
    {EVENT_INVENTORY_RESERVATION_FAILED, TOPIC_PAYMENTS},    /* refund */
    {EVENT_INVENTORY_RELEASED, TOPIC_PAYMENTS},              /* refund */
    {EVENT_INVENTORY_RESERVATION_CANCELLED, TOPIC_PAYMENTS}, /* refund, or bar the late charge */
};

const struct participant payment_participant = {
    .name = "payment",
    .shards = TOPIC_PAYMENT_SHARDS,
    .dead_letters = TOPIC_PAYMENT_DEAD_LETTERS,
    .replays = TOPIC_PAYMENT_REPLAYS,
    .ledgers = {TOPIC_PAYMENTS},
    .ledger_count = 1,
    .subscriptions = subscriptions,
    .subscription_count = ARRAY_LEN(subscriptions),
    .decide = payment_decide,
};

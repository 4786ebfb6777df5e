/* test_participants.c - the services' tables of subscriptions against schemas/topics.json. */
#include <jansson.h>
#include <stdlib.h>

#include "common/base/util.h"
#include "services/inventory/inventory_participant.h"
#include "services/order/order_participant.h"
#include "services/payment/payment_participant.h"
#include "services/shipping/shipping_participant.h"
#include "suite.h"

static const struct participant *const participants[] = {
    &order_participant, &payment_participant, &inventory_participant, &shipping_participant};

static json_t *load_topics(void)
{
    const char *examples = getenv("SCHEMA_EXAMPLES"); /* set by meson */
    char path[4096];
    json_error_t error;
    json_t *document;

    ck_assert_ptr_nonnull(examples);
    snprintf(path, sizeof(path), "%s/../topics.json", examples);
    document = json_load_file(path, 0, &error);
    ck_assert_msg(document != NULL, "%s: %s", path, error.text);
    return document;
}

static const struct subscription *find_subscription(const struct participant *participant,
                                                    enum event_type type)
{
    for (size_t i = 0; i < participant->subscription_count; i++)
        if (participant->subscriptions[i].type == type)
            return &participant->subscriptions[i];
    return NULL;
}

/* All that the topic's "consumers" has for the service is subscribed to. Returns how many. */
static size_t check_consumer(const struct participant *participant, json_t *topic)
{
    json_t *types = json_object_get(json_object_get(topic, "consumers"), participant->name), *type;
    size_t i;

    json_array_foreach (types, i, type) {
        const char *name = json_string_value(type);
        enum event_type number = event_type_from_name(name, strlen(name));

        ck_assert_msg(find_subscription(participant, number) != NULL, "%s must subscribe to %s",
                      participant->name, name);
    }
    return json_array_size(types);
}

START_TEST(a_service_subscribes_to_what_topics_json_says_and_to_nothing_else)
{
    const struct participant *participant = participants[_i];
    json_t *document = load_topics(), *topic;
    size_t i, count = 0;

    json_array_foreach (json_object_get(document, "topics"), i, topic)
        count += check_consumer(participant, topic);
    ck_assert_uint_eq(participant->subscription_count, count);
    json_decref(document);
}
END_TEST

START_TEST(no_subscription_stands_in_the_table_twice)
{
    const struct participant *participant = participants[_i];

    for (size_t s = 0; s < participant->subscription_count; s++)
        ck_assert_ptr_eq(find_subscription(participant, participant->subscriptions[s].type),
                         &participant->subscriptions[s]);
}
END_TEST

static bool is_ledger(const struct participant *participant, enum topic topic)
{
    for (size_t i = 0; i < participant->ledger_count; i++)
        if (participant->ledgers[i] == topic)
            return true;
    return false;
}

/* Otherwise the last own event would be looked up by a key of another kind. */
START_TEST(a_subscription_and_its_ledger_have_the_same_kind_of_key)
{
    const struct participant *participant = participants[_i];

    for (size_t s = 0; s < participant->subscription_count; s++) {
        const struct subscription *subscription = &participant->subscriptions[s];
        const struct topic_info *from = topic_info(event_topic(subscription->type));

        ck_assert(is_ledger(participant, subscription->ledger));
        ck_assert_int_eq(from->keyed_by_order, topic_info(subscription->ledger)->keyed_by_order);
    }
}
END_TEST

START_TEST(a_service_alone_writes_its_ledgers)
{
    const struct participant *participant = participants[_i];

    ck_assert_uint_ge(participant->ledger_count, 1);
    for (size_t i = 0; i < participant->ledger_count; i++)
        ck_assert_str_eq(topic_info(participant->ledgers[i])->writer, participant->name);
}
END_TEST

START_TEST(the_other_topics_bear_the_name_of_the_service)
{
    const struct participant *participant = participants[_i];
    char name[64];

    snprintf(name, sizeof(name), "%s.shards", participant->name);
    ck_assert_str_eq(topic_info(participant->shards)->name, name);
    snprintf(name, sizeof(name), "%s.dead-letters", participant->name);
    ck_assert_str_eq(topic_info(participant->dead_letters)->name, name);
    snprintf(name, sizeof(name), "%s.replays", participant->name);
    ck_assert_str_eq(topic_info(participant->replays)->name, name);
}
END_TEST

/* A record that is replayed comes to the shard, and the order, that it came to before. */
START_TEST(what_is_replayed_goes_by_order)
{
    const struct participant *participant = participants[_i];

    for (size_t s = 0; s < participant->subscription_count; s++) {
        enum topic topic = event_topic(participant->subscriptions[s].type);

        if (topic_info(topic)->keyed_by_order)
            ck_assert_int_eq(topic_info(participant->replays)->partitions,
                             topic_info(topic)->partitions);
        else
            ck_assert_str_eq(topic_info(topic)->writer, "operator");
    }
}
END_TEST

START_TEST(related_keys_are_looked_up_in_an_own_ledger)
{
    const struct participant *participant = participants[_i];

    if (participant->relate != NULL)
        ck_assert(is_ledger(participant, participant->related_ledger));
    else
        ck_assert_int_eq(participant->related_ledger, TOPIC_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("participants");
    TCase *each = tcase_create("each");
    int count = ARRAY_LEN(participants);

    tcase_add_loop_test(each, a_service_subscribes_to_what_topics_json_says_and_to_nothing_else, 0,
                        count);
    tcase_add_loop_test(each, no_subscription_stands_in_the_table_twice, 0, count);
    tcase_add_loop_test(each, a_subscription_and_its_ledger_have_the_same_kind_of_key, 0, count);
    tcase_add_loop_test(each, a_service_alone_writes_its_ledgers, 0, count);
    tcase_add_loop_test(each, the_other_topics_bear_the_name_of_the_service, 0, count);
    tcase_add_loop_test(each, what_is_replayed_goes_by_order, 0, count);
    tcase_add_loop_test(each, related_keys_are_looked_up_in_an_own_ledger, 0, count);
    suite_add_tcase(suite, each);
    return suite_main(suite);
}

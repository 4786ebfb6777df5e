/* test_acls.c - who may do what: against topics.json as a person reads it, and nothing beside. */
#include <errno.h>
#include <string.h>

#include "common/base/util.h"
#include "suite.h"
#include "tools/sagactl/acls.h"

static struct acls acls;

static const struct principal *principal(const char *role)
{
    for (size_t i = 0; i < PRINCIPAL_COUNT; i++)
        if (str_equal(acls.principals[i].role, role))
            return &acls.principals[i];
    ck_abort_msg("no principal %s", role);
}

/* 0: nothing is granted. */
static unsigned granted(const char *role, enum grant_resource resource, const char *name)
{
    const struct principal *of = principal(role);

    for (size_t i = 0; i < of->grant_count; i++)
        if (of->grants[i].resource == resource && str_equal(of->grants[i].name, name))
            return of->grants[i].operations;
    return 0;
}

static void make(const char *principal_prefix, const char *topic_prefix)
{
    ck_assert_int_eq(acls_init(&acls, principal_prefix, topic_prefix, NULL), 0);
}

START_TEST(a_service_writes_its_own_topics_and_reads_those_that_concern_it)
{
    make("", "");

    ck_assert_uint_eq(granted("payment", GRANT_TOPIC, "payments"),
                      GRANT_READ | GRANT_WRITE | GRANT_DESCRIBE); /* its ledger */
    ck_assert_uint_eq(granted("payment", GRANT_TOPIC, "orders"), GRANT_READ | GRANT_DESCRIBE);
    ck_assert_uint_eq(granted("payment", GRANT_TOPIC, "payment.shards"),
                      GRANT_READ | GRANT_DESCRIBE);
    ck_assert_uint_eq(granted("payment", GRANT_TOPIC, "payment.dead-letters"),
                      GRANT_WRITE | GRANT_DESCRIBE);
    ck_assert_uint_eq(granted("payment", GRANT_TOPIC, "payment.replays"),
                      GRANT_READ | GRANT_DESCRIBE);
    ck_assert_uint_eq(granted("payment", GRANT_TOPIC, "shipments"), 0);
    ck_assert_uint_eq(granted("payment", GRANT_TOPIC, "order.dead-letters"), 0);
    ck_assert_uint_eq(granted("order", GRANT_TOPIC, "stock"), GRANT_READ | GRANT_DESCRIBE);
}
END_TEST

START_TEST(the_operator_reads_all_and_writes_what_is_meant_for_him)
{
    make("", "");

    ck_assert_uint_eq(granted("operator", GRANT_TOPIC, "orders"),
                      GRANT_READ | GRANT_DESCRIBE | GRANT_DESCRIBE_CONFIGS);
    ck_assert_uint_ne(granted("operator", GRANT_TOPIC, "stock-receipts") & GRANT_WRITE, 0);
    ck_assert_uint_ne(granted("operator", GRANT_TOPIC, "order-requests") & GRANT_WRITE, 0);
    ck_assert_uint_ne(granted("operator", GRANT_TOPIC, "order.replays") & GRANT_WRITE, 0);
    ck_assert_uint_eq(granted("operator", GRANT_TOPIC, "order.dead-letters") & GRANT_WRITE, 0);
    ck_assert_uint_eq(granted("operator", GRANT_TOPIC, "order.shards"),
                      GRANT_DESCRIBE | GRANT_DESCRIBE_CONFIGS);
    ck_assert_uint_ne(
        granted("operator", GRANT_TRANSACTIONAL_ID, "sagactl-replays-order") & GRANT_WRITE, 0);
}
END_TEST

START_TEST(groups_and_transactional_ids_are_named_exactly_and_with_the_prefix)
{
    make("", "shop.");

    ck_assert_uint_eq(granted("order", GRANT_GROUP, "shop.order"), GRANT_READ | GRANT_DESCRIBE);
    ck_assert_uint_eq(granted("order", GRANT_TRANSACTIONAL_ID, "shop.order-3"),
                      GRANT_WRITE | GRANT_DESCRIBE);
    ck_assert_uint_eq(granted("order", GRANT_TRANSACTIONAL_ID, "shop.order-4"), 0);
    ck_assert_uint_eq(granted("inventory", GRANT_TRANSACTIONAL_ID, "shop.inventory-1"), 0);
    ck_assert_uint_eq(granted("order", GRANT_TOPIC, "orders"), 0);
    ck_assert_uint_ne(granted("order", GRANT_TOPIC, "shop.orders"), 0);
    ck_assert_uint_eq(granted("operator", GRANT_GROUP, "shop.sagactl"), GRANT_DESCRIBE);
}
END_TEST

START_TEST(the_prefix_of_principals_is_no_shell)
{
    make("shop-", "");
    ck_assert_str_eq(principal("order")->name, "shop-order");

    ck_assert_int_eq(acls_init(&acls, "x; rm", "", NULL), -EINVAL);
    ck_assert_int_eq(acls_init(&acls, "User:", "", NULL), -EINVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sagactl acls");
    TCase *tcase = tcase_create("acls");

    tcase_add_test(tcase, a_service_writes_its_own_topics_and_reads_those_that_concern_it);
    tcase_add_test(tcase, the_operator_reads_all_and_writes_what_is_meant_for_him);
    tcase_add_test(tcase, groups_and_transactional_ids_are_named_exactly_and_with_the_prefix);
    tcase_add_test(tcase, the_prefix_of_principals_is_no_shell);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}

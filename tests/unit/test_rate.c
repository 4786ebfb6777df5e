/* test_rate.c - a second's worth of requests at once, and then as many as a second brings. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "common/http/rate.h"
#include "suite.h"

static struct rate_limit limit;

static unsigned taken(uint64_t address, unsigned wanted, int64_t now_ms)
{
    unsigned count = 0;

    for (unsigned i = 0; i < wanted; i++)
        count += rate_take(&limit, address, now_ms);
    return count;
}

static uint64_t of_six(const char *text)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};

    ck_assert_int_eq(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
    return rate_address(&limit, (const struct sockaddr *)&address);
}

static uint64_t of_four(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};

    ck_assert_int_eq(inet_pton(AF_INET, text, &address.sin_addr), 1);
    return rate_address(&limit, (const struct sockaddr *)&address);
}

START_TEST(a_second_brings_as_many_as_the_rate)
{
    rate_init(&limit, 10, 1);

    ck_assert_uint_eq(taken(1, 50, 1000), 10);
    ck_assert_uint_eq(taken(1, 50, 1099), 0);
    ck_assert_uint_eq(taken(1, 50, 1500), 5);
    ck_assert_uint_eq(taken(1, 50, 1000000), 10); /* never more than a second's worth */
}
END_TEST

START_TEST(one_address_is_not_anothers)
{
    rate_init(&limit, 10, 1);

    ck_assert_uint_eq(taken(1, 50, 1000), 10);
    ck_assert_uint_eq(taken(2, 50, 1000), 10);
}
END_TEST

START_TEST(the_largest_rate_does_not_overflow_and_none_is_no_limit)
{
    rate_init(&limit, UINT32_MAX, 1);
    ck_assert_uint_eq(taken(1, 100000, 1000), 100000);

    rate_init(&limit, 0, 1);
    ck_assert_uint_eq(taken(1, 100000, 1000), 100000);
}
END_TEST

START_TEST(an_address_is_one_of_ipv4_or_a_network_of_ipv6)
{
    rate_init(&limit, 10, 42);

    ck_assert_uint_eq(of_six("2001:db8::1"), of_six("2001:db8::ffff:1"));
    ck_assert_uint_ne(of_six("2001:db8::1"), of_six("2001:db8:0:1::1"));
    ck_assert_uint_eq(of_six("::ffff:192.0.2.1"), of_four("192.0.2.1"));
    ck_assert_uint_ne(of_six("::ffff:192.0.2.1"), of_six("::ffff:192.0.2.2"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rate");
    TCase *tcase = tcase_create("rate");

    tcase_add_test(tcase, a_second_brings_as_many_as_the_rate);
    tcase_add_test(tcase, one_address_is_not_anothers);
    tcase_add_test(tcase, the_largest_rate_does_not_overflow_and_none_is_no_limit);
    tcase_add_test(tcase, an_address_is_one_of_ipv4_or_a_network_of_ipv6);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}

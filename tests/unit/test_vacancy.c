/*
 * test_vacancy.c - what a member of a group was given, as a broker tells it: bytes that any client
 * may have written.
 */
#include "common/kafka/vacancy.h"

#include "suite.h"

#define TOPIC "p.shards"
/* Of an array that was made of a literal, without its end. */
#define BYTES(array) array, sizeof(array) - 1
#define VERSION "\0\3"
#define TOPIC_SHARDS "\0\10p.shards"
#define NO_USER_DATA "\377\377\377\377"

START_TEST(the_shards_of_an_assignment_are_its_partitions_of_the_topic)
{
    const char two[] = VERSION "\0\0\0\1" TOPIC_SHARDS "\0\0\0\2\0\0\0\0\0\0\0\37" NO_USER_DATA;
    const char none[] = VERSION "\0\0\0\0" NO_USER_DATA;

    ck_assert_uint_eq(vacancy_assigned(BYTES(two), TOPIC), UINT32_C(0x80000001));
    ck_assert_uint_eq(vacancy_assigned(BYTES(none), TOPIC), 0);
    ck_assert_uint_eq(vacancy_assigned(NULL, 0, TOPIC), 0);
}
END_TEST

START_TEST(other_topics_and_partitions_that_are_no_shards_are_passed_over)
{
    const char strange[] = VERSION "\0\0\0\3"
                                   "\0\10q.shards\0\0\0\1\0\0\0\1"
                                   "\0\11p.shards2\0\0\0\1\0\0\0\2" TOPIC_SHARDS
                                   "\0\0\0\3\0\0\0\3\0\0\0\40\377\377\377\376";

    ck_assert_uint_eq(vacancy_assigned(BYTES(strange), TOPIC), UINT32_C(1) << 3);
}
END_TEST

START_TEST(an_assignment_that_ends_early_gives_nothing)
{
    const char whole[] = VERSION "\0\0\0\1" TOPIC_SHARDS "\0\0\0\2\0\0\0\1\0\0\0\2";
    const char endless[] = VERSION "\177\377\377\377" TOPIC_SHARDS "\177\377\377\377\0\0\0\1";
    const char negative[] = VERSION "\377\377\377\377" TOPIC_SHARDS "\0\0\0\1\0\0\0\1";

    ck_assert_uint_eq(vacancy_assigned(BYTES(whole), TOPIC), UINT32_C(6));
    for (size_t size = 0; size < sizeof(whole) - 1; size++)
        ck_assert_uint_eq(vacancy_assigned(whole, size, TOPIC), 0);
    ck_assert_uint_eq(vacancy_assigned(BYTES(endless), TOPIC), 0);
    ck_assert_uint_eq(vacancy_assigned(BYTES(negative), TOPIC), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vacancy");
    TCase *tests = tcase_create("vacancy");

    tcase_add_test(tests, the_shards_of_an_assignment_are_its_partitions_of_the_topic);
    tcase_add_test(tests, other_topics_and_partitions_that_are_no_shards_are_passed_over);
    tcase_add_test(tests, an_assignment_that_ends_early_gives_nothing);
    suite_add_tcase(suite, tests);
    return suite_main(suite);
}

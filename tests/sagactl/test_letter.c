/* test_letter.c - ids of dead letters, and bytes of strangers as text. See test_dead_letters.py. */
#include <errno.h>
#include <string.h>

#include "common/base/util.h"
#include "suite.h"
#include "tools/sagactl/letter.h"

static struct bytes bytes(const char *text)
{
    return (struct bytes){text, strlen(text)};
}

START_TEST(an_id_is_read_as_it_is_written)
{
    static const char *const texts[] = {"order/0/0", "payment/3/12", "shipping/2147483647/7",
                                        "inventory/0/999999999999999999"};
    char text[LETTER_ID_SIZE];
    struct letter_id id;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ck_assert_int_eq(letter_id_parse(bytes(texts[i]), &id), 0);
        letter_id_format(&id, text);
        ck_assert_str_eq(text, texts[i]);
    }
}
END_TEST

START_TEST(what_is_no_id_is_refused)
{
    static const char *const texts[] = {
        "",
        "/",
        "payment",
        "payment/",
        "payment/0",
        "payment/0/",
        "payment//1",
        "payment/0/1/",
        "payment/0/-1",
        "payment/0/+1",
        "pay/0/1",
        "Payment/0/1",
        "payment/0/1x",
        " payment/0/1",
        "payment/0/1 ",
        "/0/1",
        "payment/x/1",
        "payment/0/ 1",
        "payments/0/1",
        "payment/2147483648/0",
        "payment/0/9999999999999999999",
    };
    struct letter_id id = {.partition = 77};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        ck_assert_msg(letter_id_parse(bytes(texts[i]), &id) == -EINVAL, "%s", texts[i]);
    ck_assert_int_eq(letter_id_parse((struct bytes){0}, &id), -EINVAL);
    ck_assert_int_eq(letter_id_parse((struct bytes){"payment/0/1\0", 12}, &id), -EINVAL);
    ck_assert_int_eq(id.partition, 77);
}
END_TEST

/* The bytes end where they end, whatever stands behind them. */
START_TEST(an_id_is_read_no_further_than_its_length)
{
    struct letter_id id;

    ck_assert_int_eq(letter_id_parse((struct bytes){"payment/0/123", 11}, &id), 0);
    ck_assert_int_eq(id.offset, 1);
    ck_assert_int_eq(letter_id_parse((struct bytes){"payment/0/1", 7}, &id), -EINVAL);
}
END_TEST

START_TEST(ids_are_in_the_order_of_service_partition_and_offset)
{
    static const char *const texts[] = {"order/1/5", "payment/0/9", "payment/1/2", "payment/1/3",
                                        "inventory/0/0"};
    struct letter_id ids[ARRAY_LEN(texts)];

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        ck_assert_int_eq(letter_id_parse(bytes(texts[i]), &ids[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        for (size_t k = 0; k < ARRAY_LEN(texts); k++)
            ck_assert_int_eq(letter_id_compare(&ids[i], &ids[k]), (i > k) - (i < k));
}
END_TEST

/* Every topic of dead letters is that of a service here, with its replays. */
START_TEST(all_services_that_refuse_records_are_known)
{
    static const char letters[] = ".dead-letters";
    const struct letter_service *service;
    char name[64];
    size_t found = 0, count;

    (void)letter_services(&count);
    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        const char *suffix = strstr(topic_info(topic)->name, letters);

        if (suffix == NULL)
            continue;
        service = letter_service_find(topic_info(topic)->name,
                                      (size_t)(suffix - topic_info(topic)->name));
        ck_assert_ptr_nonnull(service);
        ck_assert_int_eq(service->letters, topic);
        snprintf(name, sizeof(name), "%s.replays", service->name);
        ck_assert_str_eq(topic_info(service->replays)->name, name);
        found++;
    }
    ck_assert_uint_eq(found, count);
}
END_TEST

static void assert_text(struct bytes from, size_t size, const char *expected)
{
    char text[64];

    memset(text, '#', sizeof(text));
    ck_assert_ptr_eq(bytes_text(from, text, size), text);
    ck_assert_str_eq(text, expected);
    for (size_t i = size; i < sizeof(text); i++)
        ck_assert_int_eq(text[i], '#');
}

START_TEST(bytes_are_shown_so_that_no_terminal_obeys_them)
{
    assert_text(bytes("plain ~ text"), 64, "plain ~ text");
    assert_text(bytes(""), 64, "");
    assert_text((struct bytes){0}, 64, "-");
    assert_text(bytes("\x1b[31m\a\n"), 64, "\\x1b[31m\\x07\\x0a");
    assert_text(bytes("\xc2\x9b\x7f\xff"), 64, "\\xc2\\x9b\\x7f\\xff");
    assert_text((struct bytes){"a\0b", 3}, 64, "a\\x00b");
    assert_text(bytes("c:\\x1b"), 64, "c:\\\\x1b");
}
END_TEST

START_TEST(what_does_not_fit_is_cut_and_says_so)
{
    assert_text(bytes("0123456789"), 16, "012345678...");
    assert_text(bytes("01234567"), 16, "01234567");
    assert_text(bytes("\xff\xff\xff\xff\xff"), 16, "\\xff\\xff\\xff...");
    assert_text((struct bytes){0}, 16, "-");
}
END_TEST

START_TEST(a_number_is_digits_and_nothing_else)
{
    int64_t number = 7;

    ck_assert_int_eq(bytes_number(bytes("0"), &number), 0);
    ck_assert_int_eq(number, 0);
    ck_assert_int_eq(bytes_number(bytes("999999999999999999"), &number), 0);
    ck_assert_int_eq(number, 999999999999999999);
    ck_assert_int_eq(bytes_number(bytes("9999999999999999999"), &number), -EINVAL);
    ck_assert_int_eq(bytes_number(bytes("-1"), &number), -EINVAL);
    ck_assert_int_eq(bytes_number(bytes(""), &number), -EINVAL);
    ck_assert_int_eq(bytes_number((struct bytes){0}, &number), -EINVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("letter");
    TCase *tests = tcase_create("letter");

    tcase_add_test(tests, an_id_is_read_as_it_is_written);
    tcase_add_test(tests, what_is_no_id_is_refused);
    tcase_add_test(tests, an_id_is_read_no_further_than_its_length);
    tcase_add_test(tests, ids_are_in_the_order_of_service_partition_and_offset);
    tcase_add_test(tests, all_services_that_refuse_records_are_known);
    tcase_add_test(tests, bytes_are_shown_so_that_no_terminal_obeys_them);
    tcase_add_test(tests, what_does_not_fit_is_cut_and_says_so);
    tcase_add_test(tests, a_number_is_digits_and_nothing_else);
    suite_add_tcase(suite, tests);
    return suite_main(suite);
}

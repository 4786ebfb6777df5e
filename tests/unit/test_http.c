/* test_http.c - what clients write into queries and headers, read without a connection. */
#include <string.h>

#include "common/base/utf8.h"
#include "common/base/util.h"
#include "common/http/internal.h"
#include "suite.h"

static struct query *query;

static void set_up(void)
{
    query = query_new(8192);
    ck_assert_ptr_nonnull(query);
}

static void tear_down(void)
{
    free(query);
}

static void add(const char *name, const char *value)
{
    query_add(query, name, strlen(name), value, strlen(value));
}

static void check_fault(const char *pointer, const char *detail)
{
    static const char *const names[] = {"limit", "cursor", "é"};
    struct http_fault fault;

    ck_assert(query_fault(query, names, ARRAY_LEN(names), &fault));
    ck_assert_str_eq(fault.pointer, pointer);
    ck_assert_ptr_nonnull(strstr(fault.detail, detail));
}

START_TEST(parameters_are_decoded)
{
    static const char *const names[] = {"limit", "cursor", "é"};
    struct http_fault fault;

    add("limit", "5");
    add("c%75rsor", "a%20b%2Bc+%c3%A9");
    add("%c3%a9", "");
    ck_assert(!query_fault(query, names, ARRAY_LEN(names), &fault));
    ck_assert_str_eq(query_value(query, "limit"), "5");
    ck_assert_str_eq(query_value(query, "cursor"), "a b+c+é");
    ck_assert_str_eq(query_value(query, "é"), "");
    ck_assert_ptr_null(query_value(query, "Limit"));
}
END_TEST

static const char *const no_texts[] = {"%",         "%4",     "a%zz",         "%+1",
                                       "%00",       "a%00b",  "%c3",          "\xff",
                                       "%ed%a0%80", "%c0%af", "%f4%90%80%80", "x%e2%82"};

START_TEST(a_value_that_is_no_text_is_a_fault)
{
    add("cursor", "fine");
    add("limit", no_texts[_i]);
    check_fault("limit", "percent-encoded UTF-8");
    ck_assert_ptr_null(query_value(query, "limit"));
}
END_TEST

START_TEST(a_name_that_is_no_text_is_a_fault_without_a_name)
{
    add(no_texts[_i], "1");
    check_fault("", "name is malformed");
    ck_assert_ptr_null(query_value(query, no_texts[_i]));
}
END_TEST

START_TEST(an_unknown_or_repeated_parameter_is_named)
{
    struct http_fault fault;

    add("limit", "1");
    add("lim%69t", "1");
    check_fault("limit", "only once");
    add("offset", "2");
    check_fault("limit", "only once");
    ck_assert(query_fault(query, NULL, 0, &fault));
    ck_assert_str_eq(fault.pointer, "limit");
    ck_assert_ptr_nonnull(strstr(fault.detail, "no such"));
}
END_TEST

START_TEST(a_name_that_does_not_fit_the_fault_is_not_cut)
{
    char name[sizeof(((struct http_fault *)NULL)->pointer) + 1];

    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 2] = '\0';
    add(name, "");
    check_fault(name, "no such");
    query->count = 0;
    name[sizeof(name) - 2] = 'n';
    name[sizeof(name) - 1] = '\0';
    add(name, "");
    check_fault("", "name is malformed");
}
END_TEST

START_TEST(more_parameters_than_there_is_room_for_are_a_fault)
{
    const char *names[HTTP_QUERY_MAX];
    char texts[HTTP_QUERY_MAX][2] = {{0}};
    struct http_fault fault;

    for (size_t i = 0; i < HTTP_QUERY_MAX; i++) {
        texts[i][0] = (char)('a' + i);
        names[i] = texts[i];
        add(names[i], "1");
    }
    ck_assert(!query_fault(query, names, HTTP_QUERY_MAX, &fault));
    add("a", "2");
    ck_assert(query_fault(query, names, HTTP_QUERY_MAX, &fault));
    ck_assert_str_eq(fault.pointer, "");
    ck_assert_str_eq(query_value(query, "a"), "1");
}
END_TEST

struct wish {
    const char *lines[3];
    bool respond_async;
    int64_t wait_s;
};

static const struct wish wishes[] = {
    {{"respond-async"}, true, -1},
    {{"RESPOND-Async, WAIT=10"}, true, 10},
    {{"wait=0"}, false, 0},
    {{" ,, wait \t=\t 7 ; x=\",;\\\"\" ;y ,respond-async;z=1"}, true, 7},
    {{"wait=\"12\""}, false, 12},
    {{"respond-async=\"\""}, true, -1},
    {{"return=minimal", "wait=3", "respond-async"}, true, 3},
    {{"wait=1, wait=2", "wait=3"}, false, 1},
    {{"wait=x, wait=2"}, false, -1},
    {{"wait"}, false, -1},
    {{"wait="}, false, -1},
    {{"wait=-1"}, false, -1},
    {{"wait=1.5"}, false, -1},
    {{"wait=1 2"}, false, -1},
    {{"wait=2147483648"}, false, INT32_MAX},
    {{"wait=9999999999999999999999999"}, false, INT32_MAX},
    {{"wait=99999999999999999999999999999999999999"}, false, -1},
    {{"foo=\"a, wait=5, respond-async\""}, false, -1},
    {{"foo=\"a\\\", wait=5\", wait=6"}, false, 6},
    {{"foo=\"never closed, wait=5"}, false, -1},
    {{"foo=\"ends in \\"}, false, -1},
    {{"respond-async=no, waiter=5, respond-asynchronously"}, false, -1},
    {{"a-name-much-longer-than-any-that-is-known=1, wait=4"}, false, 4},
    {{"@, =5, wait=4"}, false, 4},
    {{""}, false, -1},
};

START_TEST(preferences_are_read_as_far_as_they_are_understood)
{
    struct preferences preferences = {.found.wait_s = -1};

    for (size_t i = 0; i < ARRAY_LEN(wishes[_i].lines) && wishes[_i].lines[i] != NULL; i++)
        preferences_read(&preferences, wishes[_i].lines[i]);
    ck_assert_int_eq(preferences.found.respond_async, wishes[_i].respond_async);
    ck_assert_int_eq(preferences.found.wait_s, wishes[_i].wait_s);
}
END_TEST

static const struct {
    const char *text, *key;
} keys[] = {
    {"\"abc\"", "abc"},
    {"abc", "abc"},
    {" \t\"abc\"\t ", "abc"},
    {"  abc ", "abc"},
    {"\"a \\\"b\\\" \\\\ ,;'\"", "a \"b\" \\ ,;'"},
    {"8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"},
    {"a=b/c:d'(e)", "a=b/c:d'(e)"},
};

START_TEST(a_key_is_the_same_in_both_spellings)
{
    char key[HTTP_IDEMPOTENCY_KEY_SIZE];

    ck_assert(idempotency_key_read(keys[_i].text, key));
    ck_assert_str_eq(key, keys[_i].key);
}
END_TEST

static const char *const no_keys[] = {"",          " ",        "\"\"",         "\"abc",
                                      "\"abc\\\"", "abc\"",    "a b",          "a,b",
                                      "a;b",       "a\\b",     "\"abc\"; x=1", "\"a\", \"b\"",
                                      "\"a\\n\"",  "\"a\tb\"", "\"a\x7f\"",    "\"\xc3\xa9\"",
                                      "\xc3\xa9",  "\"abc\"x", "\"a\\",        "a\x01"};

START_TEST(anything_else_is_no_key)
{
    char key[HTTP_IDEMPOTENCY_KEY_SIZE];

    ck_assert(!idempotency_key_read(no_keys[_i], key));
}
END_TEST

START_TEST(a_key_has_at_most_255_characters)
{
    char text[2 * HTTP_IDEMPOTENCY_KEY_SIZE + 4], key[HTTP_IDEMPOTENCY_KEY_SIZE];
    size_t longest = HTTP_IDEMPOTENCY_KEY_SIZE - 1;

    memset(text, 'k', sizeof(text));
    text[longest] = '\0';
    ck_assert(idempotency_key_read(text, key));
    ck_assert_uint_eq(strlen(key), longest);
    text[longest] = 'k';
    text[longest + 1] = '\0';
    ck_assert(!idempotency_key_read(text, key));

    /* In quotes it is the characters that count, not the backslashes. */
    text[0] = '"';
    for (size_t i = 0; i < longest; i++)
        memcpy(text + 1 + 2 * i, "\\\"", 2);
    memcpy(text + 1 + 2 * longest, "\"", 2);
    ck_assert(idempotency_key_read(text, key));
    ck_assert_uint_eq(strlen(key), longest);
    memcpy(text + 1 + 2 * longest, "k\"", 3);
    ck_assert(!idempotency_key_read(text, key));
}
END_TEST

static const struct {
    const char *list, *etag;
    bool matches;
} tags[] = {
    {"\"a\"", "\"a\"", true},
    {"W/\"a\"", "\"a\"", true},
    {"\"a\"", "W/\"a\"", true},
    {"W/\"a\"", "W/\"a\"", true},
    {"*", "\"a\"", true},
    {" * ", "\"a\"", true},
    {"\"b\", W/\"c\" ,\"a\"", "\"a\"", true},
    {", ,\"b\",,\"a\"", "\"a\"", true},
    {"\"x,\", \"a\"", "\"a\"", true},
    {"\"b\"", "\"a\"", false},
    {"\"A\"", "\"a\"", false},
    {"\"ab\"", "\"a\"", false},
    {"\"\"", "\"a\"", false},
    {"", "\"a\"", false},
    {"a", "\"a\"", false},
    {"w/\"a\"", "\"a\"", false},
    {"\"x, \"a\"", "\"a\"", false},
    {"*, \"a\"", "\"a\"", false},
    {"\"a", "\"a\"", false},
    {"\"x, a\"", "\"a\"", false},
};

START_TEST(a_tag_is_found_in_a_list_compared_weakly)
{
    ck_assert_int_eq(etag_is_listed(tags[_i].list, tags[_i].etag), tags[_i].matches);
}
END_TEST

START_TEST(text_is_utf8_in_its_shortest_form_only)
{
    ck_assert(utf8_is_valid("", 0));
    ck_assert(utf8_is_valid("a\0b", 3));
    ck_assert(utf8_is_valid("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", 10));
    ck_assert(!utf8_is_valid("\xed\xa0\x80", 3));
    ck_assert(!utf8_is_valid("\xe0\x9f\xbf", 3));
    ck_assert(!utf8_is_valid("a\xc3\xa9", 2));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *in_queries = tcase_create("queries"), *in_headers = tcase_create("headers");

    tcase_add_checked_fixture(in_queries, set_up, tear_down);
    tcase_add_test(in_queries, parameters_are_decoded);
    tcase_add_loop_test(in_queries, a_value_that_is_no_text_is_a_fault, 0, ARRAY_LEN(no_texts));
    tcase_add_loop_test(in_queries, a_name_that_is_no_text_is_a_fault_without_a_name, 0,
                        ARRAY_LEN(no_texts));
    tcase_add_test(in_queries, an_unknown_or_repeated_parameter_is_named);
    tcase_add_test(in_queries, a_name_that_does_not_fit_the_fault_is_not_cut);
    tcase_add_test(in_queries, more_parameters_than_there_is_room_for_are_a_fault);
    suite_add_tcase(suite, in_queries);
    tcase_add_loop_test(in_headers, preferences_are_read_as_far_as_they_are_understood, 0,
                        ARRAY_LEN(wishes));
    tcase_add_loop_test(in_headers, a_key_is_the_same_in_both_spellings, 0, ARRAY_LEN(keys));
    tcase_add_loop_test(in_headers, anything_else_is_no_key, 0, ARRAY_LEN(no_keys));
    tcase_add_test(in_headers, a_key_has_at_most_255_characters);
    tcase_add_loop_test(in_headers, a_tag_is_found_in_a_list_compared_weakly, 0, ARRAY_LEN(tags));
    tcase_add_test(in_headers, text_is_utf8_in_its_shortest_form_only);
    suite_add_tcase(suite, in_headers);
    return suite_main(suite);
}

/* test_log.c - lines in both formats, whatever text is in them; repeats; a reader that is away. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/log_line.h"
#include "common/base/log_repeats.h"
#include "common/base/util.h"
#include "suite.h"

#define OUTPUT_SIZE (1 << 20)
#define PIPE_BYTES 65536

static int64_t now_ms = 1000;
static int ends[2]; /* of the pipe that is written to */
static char output[OUTPUT_SIZE];

int64_t __wrap_clock_monotonic_ms(void);
int64_t __wrap_clock_utc_ms(void);

int64_t __wrap_clock_monotonic_ms(void)
{
    return now_ms;
}

int64_t __wrap_clock_utc_ms(void)
{
    return INT64_C(1795536937123);
}

static void open_pipe(enum log_level level, enum log_format format)
{
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    ck_assert_int_eq(fcntl(ends[1], F_SETFL, 0), 0); /* the writer's end blocks, as in a shell */
    ck_assert_int_ge(fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES), PIPE_BYTES);
    log_open("test", level, format);
    log_to(ends[1]);
}

/* What has been written since. */
static const char *written(void)
{
    ssize_t len, all = 0;

    while ((len = read(ends[0], output + all, OUTPUT_SIZE - 1 - (size_t)all)) > 0)
        all += len;
    output[all] = '\0';
    return output;
}

static size_t line_count(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static json_t *written_json(void)
{
    json_error_t error;
    json_t *line = json_loads(written(), JSON_REJECT_DUPLICATES, &error);

    ck_assert_msg(line != NULL, "%s: %s", error.text, output);
    ck_assert_uint_eq(line_count(output), 1);
    return line;
}

static void assert_text(const json_t *line, const char *name, const char *expected)
{
    const char *text = json_string_value(json_object_get(line, name));

    ck_assert_msg(text != NULL, "%s is no text in %s", name, output);
    ck_assert_str_eq(text, expected);
}

/* ------------------------------------------------------------------------------------- formats */

START_TEST(a_line_is_logfmt)
{
    open_pipe(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    log_warn("tea_is_ready", "cups=%d reason=%s", 2, LOG_TEXT("it is \"five\""));
    ck_assert_str_eq(written(), "time=2026-11-24T16:15:37.123Z level=warn service=test "
                                "event=tea_is_ready cups=2 reason=\"it is \\\"five\\\"\"\n");
}
END_TEST

START_TEST(a_line_is_json)
{
    open_pipe(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_warn("tea_is_ready", "cups=%d reason=%s", 2, LOG_TEXT("it is \"five\""));
    ck_assert_str_eq(written(), "{\"time\":\"2026-11-24T16:15:37.123Z\",\"level\":\"warn\","
                                "\"service\":\"test\",\"event\":\"tea_is_ready\",\"cups\":2,"
                                "\"reason\":\"it is \\\"five\\\"\"}\n");
}
END_TEST

START_TEST(only_a_bare_whole_number_is_a_number_in_json)
{
    static const char line[] = "a=0 b=-17 c=123456789012345 d=\"5\" e=1234567890123456 f=007 g=1.5 "
                               "h=0x3 i=- j= k=true";
    char json[300];

    log_line_to_json(line, json, sizeof(json));
    ck_assert_str_eq(json, "{\"a\":0,\"b\":-17,\"c\":123456789012345,\"d\":\"5\","
                           "\"e\":\"1234567890123456\",\"f\":\"007\",\"g\":\"1.5\",\"h\":\"0x3\","
                           "\"i\":\"-\",\"j\":\"\",\"k\":\"true\"}");
}
END_TEST

/* A text, and what is left of it. */
static const struct {
    const char *text, *shown;
} hostile[] = {
    {"", ""},
    {"two words", "two words"},
    {"\" level=error injected=\"", "\" level=error injected=\""},
    {"\\", "\\"},
    {"\\\"", "\\\""},
    {"ends with \\", "ends with \\"},
    {"a\nlevel=error\r\n\tb", "a level=error   b"},
    {"\x1b[2J\x07\x7f", " [2J  "},
    {"{\"a\":1}", "{\"a\":1}"},
    {"\xff\xfe", "??"},
    {"\xc3(", "?("},
    {"\xed\xa0\x80", "???"},
    {"cut \xe2\x82", "cut ??"},
    {"\xc2\x9b"
     "31m",
     " 31m"},
    {"\xe2\x82\xac \xf0\x9f\x8d\xb5", "\xe2\x82\xac \xf0\x9f\x8d\xb5"},
    {"%s%n", "%s%n"},
};

START_TEST(hostile_text_stays_in_its_member)
{
    json_t *line;

    open_pipe(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_info("hostile", "text=%s after=1", LOG_TEXT(hostile[_i].text));
    line = written_json();
    assert_text(line, "text", hostile[_i].shown);
    assert_text(line, "level", "info");
    ck_assert_int_eq(json_integer_value(json_object_get(line, "after")), 1);
    ck_assert_uint_eq(json_object_size(line), 6);
    json_decref(line);
}
END_TEST

START_TEST(hostile_text_stays_on_its_line_and_in_its_quotes)
{
    const char *line, *p;
    bool quoted = false;

    open_pipe(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    log_info("hostile", "text=%s", LOG_TEXT(hostile[_i].text));
    line = written();
    ck_assert_uint_eq(line_count(line), 1);
    for (p = strchr(line, '"'); *p != '\n'; p++) {
        ck_assert_int_ge((unsigned char)*p, ' ');
        ck_assert(*p == '"' || quoted);
        if (*p == '\\')
            p++;
        else if (*p == '"')
            quoted = !quoted;
    }
    ck_assert(!quoted);
}
END_TEST

/* The cut falls before, in and after an escape and a character of three bytes. */
START_TEST(a_line_that_is_too_long_can_be_read)
{
    static const char *const fill[] = {"x", "\"", "\xe2\x82\xac"};
    char text[590];

    open_pipe(LOG_LEVEL_INFO, (enum log_format)_i);
    for (size_t f = 0; f < ARRAY_LEN(fill); f++)
        for (size_t shift = 0; shift < 8; shift++) {
            size_t at = shift, step = strlen(fill[f]);
            struct log_text quoted;

            memset(text, 'y', shift);
            for (; at + step < sizeof(text); at += step)
                memcpy(text + at, fill[f], step);
            text[at] = '\0';
            now_ms += LOG_WINDOW_MS;
            log_quote(&quoted, text);
            log_info("long", "a=%s b=%s c=%s d=%s", quoted.text, quoted.text, quoted.text,
                     quoted.text);
            if (_i == LOG_FORMAT_JSON)
                json_decref(written_json());
            else
                ck_assert_msg(strcmp(written() + strlen(output) - 2, "\"\n") == 0, "%s", output);
            ck_assert_uint_gt(strlen(output), 1900);
        }
}
END_TEST

START_TEST(json_leaves_out_what_does_not_fit)
{
    char json[20];

    ck_assert_uint_eq(log_line_to_json("a=1 b=22 c=333333333 d=4", json, sizeof(json)), 14);
    ck_assert_str_eq(json, "{\"a\":1,\"b\":22}");
    log_line_to_json("a=1", json, 3);
    ck_assert_str_eq(json, "{}");
}
END_TEST

START_TEST(a_line_from_a_signal_handler_has_the_format)
{
    open_pipe(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_from_signal("level=warn event=late");
    ck_assert_str_eq(written(), "{\"level\":\"warn\",\"event\":\"late\"}\n");
    log_open("test", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    log_from_signal("level=warn event=late");
    ck_assert_str_eq(written(), "level=warn event=late\n");
}
END_TEST

START_TEST(the_level_can_be_changed_at_any_time)
{
    open_pipe(LOG_LEVEL_WARN, LOG_FORMAT_LOGFMT);
    log_info("one", "n=%d", 1);
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("two", "n=%d", 2);
    log_set_level(LOG_LEVEL_ERROR);
    log_warn("three", "n=%d", 3);
    ck_assert_uint_eq(line_count(written()), 1);
    ck_assert_ptr_nonnull(strstr(output, "event=two"));
}
END_TEST

/* ------------------------------------------------------------------------------------- repeats */

START_TEST(the_same_line_is_said_once_in_a_window_and_then_counted)
{
    open_pipe(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    for (int i = 0; i < 1000; i++)
        log_warn("again", "reason=%s", LOG_TEXT("the broker is away"));
    ck_assert_uint_eq(line_count(written()), 1);
    now_ms += LOG_WINDOW_MS;
    log_tick();
    ck_assert_str_eq(
        written(),
        "time=2026-11-24T16:15:37.123Z level=warn service=test event=again suppressed=999\n");
    log_warn("again", "reason=%s", LOG_TEXT("the broker is away"));
    ck_assert_uint_eq(line_count(written()), 1);
    now_ms += LOG_WINDOW_MS;
    log_tick();
    ck_assert_str_eq(written(), "");
}
END_TEST

START_TEST(an_event_has_so_many_different_lines_in_a_window)
{
    open_pipe(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    for (int i = 0; i < LOG_LINES_MAX + 5; i++)
        log_warn("often", "number=%d", i);
    log_warn("seldom", "number=%d", 1);
    ck_assert_uint_eq(line_count(written()), LOG_LINES_MAX + 1);
    ck_assert_ptr_nonnull(strstr(output, "event=seldom"));
    now_ms += LOG_WINDOW_MS;
    log_info("other", "n=%d", 1); /* that says it, too */
    ck_assert_uint_eq(line_count(written()), 2);
    ck_assert_ptr_nonnull(strstr(output, "event=often suppressed=5\n"));
}
END_TEST

START_TEST(at_the_end_all_that_was_left_out_is_told)
{
    open_pipe(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    for (int i = 0; i < 3; i++) {
        log_warn("one", "n=%d", 1);
        log_error("one", "n=%d", 1); /* another level is another event */
        log_warn("two", "n=%d", 1);
    }
    ck_assert_uint_eq(line_count(written()), 3);
    log_flush();
    ck_assert_uint_eq(line_count(written()), 3);
    ck_assert_ptr_nonnull(strstr(output, "level=error service=test event=one suppressed=2"));
}
END_TEST

START_TEST(debug_lines_are_never_left_out)
{
    open_pipe(LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT);
    for (int i = 0; i < 3 * LOG_LINES_MAX; i++)
        log_debug("same", "n=%d", 1);
    ck_assert_uint_eq(line_count(written()), 3 * LOG_LINES_MAX);
}
END_TEST

START_TEST(more_events_than_there_are_windows_are_said)
{
    static char names[LOG_EVENTS_MAX + 1][16];
    static struct log_repeats repeats;
    struct log_window window;
    size_t told = 0;

    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i <= LOG_EVENTS_MAX; i++) {
            snprintf(names[i], sizeof(names[i]), "event%zu", i);
            ck_assert(log_repeats_allow(&repeats, LOG_LEVEL_WARN, names[i], "a=1", 0) ==
                      (round == 0 || i == LOG_EVENTS_MAX));
        }
    ck_assert(!log_repeats_end(&repeats, LOG_WINDOW_MS - 1, &window));
    for (; log_repeats_end(&repeats, LOG_WINDOW_MS, &window); told++)
        ck_assert_uint_eq(window.suppressed, 1);
    ck_assert_uint_eq(told, LOG_EVENTS_MAX);
    ck_assert_uint_eq(repeats.count, 0);
}
END_TEST

/* --------------------------------------------------------------------------------- no reader */

START_TEST(nobody_waits_for_a_reader_and_lost_lines_are_counted)
{
    size_t before;
    char lost[64];

    open_pipe(LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT);
    for (int i = 0; i < 5000; i++) /* comes back */
        log_debug("flood", "number=%d", i);
    before = line_count(written());
    ck_assert_uint_gt(before, 100);
    log_debug("calm", "n=%d", 1);
    snprintf(lost, sizeof(lost), "event=log_lines_lost lost=%zu\n", 5000 - before);
    ck_assert_ptr_nonnull(strstr(written(), lost));
    ck_assert_ptr_nonnull(strstr(output, "event=calm"));
    ck_assert_uint_eq(line_count(output), 2);
}
END_TEST

START_TEST(a_closed_output_is_survived)
{
    open_pipe(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    close(ends[1]);
    log_info("unheard", "n=%d", 1);
    log_flush();
    ck_assert_str_eq(written(), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *lines = tcase_create("lines"), *repeats = tcase_create("repeats");

    tcase_add_test(lines, a_line_is_logfmt);
    tcase_add_test(lines, a_line_is_json);
    tcase_add_test(lines, only_a_bare_whole_number_is_a_number_in_json);
    tcase_add_loop_test(lines, hostile_text_stays_in_its_member, 0, ARRAY_LEN(hostile));
    tcase_add_loop_test(lines, hostile_text_stays_on_its_line_and_in_its_quotes, 0,
                        ARRAY_LEN(hostile));
    tcase_add_loop_test(lines, a_line_that_is_too_long_can_be_read, 0, 2);
    tcase_add_test(lines, json_leaves_out_what_does_not_fit);
    tcase_add_test(lines, a_line_from_a_signal_handler_has_the_format);
    tcase_add_test(lines, the_level_can_be_changed_at_any_time);
    tcase_add_test(repeats, the_same_line_is_said_once_in_a_window_and_then_counted);
    tcase_add_test(repeats, an_event_has_so_many_different_lines_in_a_window);
    tcase_add_test(repeats, at_the_end_all_that_was_left_out_is_told);
    tcase_add_test(repeats, debug_lines_are_never_left_out);
    tcase_add_test(repeats, more_events_than_there_are_windows_are_said);
    tcase_add_test(repeats, nobody_waits_for_a_reader_and_lost_lines_are_counted);
    tcase_add_test(repeats, a_closed_output_is_survived);
    suite_add_tcase(suite, lines);
    suite_add_tcase(suite, repeats);
    return suite_main(suite);
}

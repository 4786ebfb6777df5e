/* test_client.c - the settings of every Kafka client, and the file of properties. */
#include "common/kafka/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "suite.h"
#include "tests/runtime/temp_directory.h"

#define SECRET "hunter2-Very-Secret"
#define VALUE_SIZE 8192

static struct kafka_config config;
static rd_kafka_conf_t *conf;
static struct error err;
static char directory[TEMP_DIRECTORY_SIZE], path[TEMP_DIRECTORY_SIZE + 32];

static void setup(void)
{
    config = (struct kafka_config){"127.0.0.1:1", "", "t.", "payment-0"};
    temp_directory_new(directory);
    snprintf(path, sizeof(path), "%s/client.properties", directory);
}

static void teardown(void)
{
    if (conf != NULL)
        rd_kafka_conf_destroy(conf);
}

static void write_file(const char *content)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fputs(content, file);
    fclose(file);
    config.properties_file = path;
}

static int make(enum kafka_client_kind kind)
{
    return kafka_conf_new(&config, kind, NULL, 0, &conf, &err);
}

static void assert_made(enum kafka_client_kind kind)
{
    ck_assert_msg(make(kind) == 0, "%s", err.text);
}

/* Until the next call. */
static const char *get(const char *name)
{
    static char value[VALUE_SIZE];
    size_t size = sizeof(value);

    ck_assert_msg(rd_kafka_conf_get(conf, name, value, &size) == RD_KAFKA_CONF_OK, "%s", name);
    return value;
}

static void assert_refused(int code, const char *part)
{
    ck_assert_int_eq(make(KAFKA_PRODUCER), code);
    ck_assert_ptr_null(conf);
    ck_assert_msg(strstr(err.text, part) != NULL, "%s", err.text);
}

START_TEST(a_consumer_reads_what_is_committed_and_never_commits_by_itself)
{
    assert_made(KAFKA_CONSUMER);
    ck_assert_str_eq(get("isolation.level"), "read_committed");
    ck_assert_str_eq(get("enable.auto.commit"), "false");
    ck_assert_str_eq(get("enable.partition.eof"), "true");
    ck_assert_str_eq(get("bootstrap.servers"), "127.0.0.1:1");
    ck_assert_str_eq(get("client.id"), "payment-0");
}
END_TEST

START_TEST(a_producer_is_idempotent_and_partitions_as_java_does)
{
    assert_made(KAFKA_PRODUCER);
    ck_assert_str_eq(get("enable.idempotence"), "true");
    ck_assert_str_eq(get("partitioner"), "murmur2_random");
}
END_TEST

START_TEST(properties_are_read_with_comments_spaces_and_empty_lines)
{
    write_file("# a comment with = in it\n"
               "\n"
               "   \t \n"
               "  # another\n"
               "linger.ms=7\n"
               "  socket.timeout.ms  =  4321  \n"
               "\tclient.rack\t=\tb\t\r\n"
               "sasl.password=a=b # no comment = here\n"
               "message.timeout.ms=54321");
    assert_made(KAFKA_PRODUCER);
    ck_assert_str_eq(get("linger.ms"), "7");
    ck_assert_str_eq(get("socket.timeout.ms"), "4321");
    ck_assert_str_eq(get("client.rack"), "b");
    ck_assert_str_eq(get("sasl.password"), "a=b # no comment = here");
    ck_assert_str_eq(get("message.timeout.ms"), "54321");
}
END_TEST

START_TEST(an_empty_file_changes_nothing)
{
    write_file("");
    assert_made(KAFKA_PRODUCER);
    ck_assert_str_eq(get("partitioner"), "murmur2_random");
}
END_TEST

START_TEST(a_property_overrides_our_setting_and_an_option_overrides_the_property)
{
    static const struct kafka_option options[] = {{"transactional.id", "ours"}};

    write_file("compression.codec=zstd\ntransactional.id=theirs\n");
    ck_assert_int_eq(kafka_conf_new(&config, KAFKA_PRODUCER, options, 1, &conf, &err), 0);
    ck_assert_str_eq(get("compression.codec"), "zstd");
    ck_assert_str_eq(get("transactional.id"), "ours");
}
END_TEST

START_TEST(an_unknown_property_is_refused_with_file_and_name)
{
    write_file("linger.ms=1\nlinger.hours=1\n");
    assert_refused(-EINVAL, "linger.hours");
    ck_assert_msg(strstr(err.text, path) != NULL, "%s", err.text);
}
END_TEST

START_TEST(a_value_out_of_range_is_refused_with_its_name)
{
    write_file("linger.ms=-5\n");
    assert_refused(-EINVAL, "linger.ms");
}
END_TEST

START_TEST(a_missing_file_is_refused_with_its_path)
{
    config.properties_file = "/nowhere/client.properties";
    assert_refused(-ENOENT, "/nowhere/client.properties");
}
END_TEST

START_TEST(a_directory_for_a_file_is_refused)
{
    config.properties_file = directory;
    ck_assert_int_lt(make(KAFKA_PRODUCER), 0);
    ck_assert_msg(strstr(err.text, directory) != NULL, "%s", err.text);
}
END_TEST

START_TEST(a_line_without_an_equals_sign_is_refused_with_its_number)
{
    write_file("linger.ms=1\n# comment\nsasl.password\n");
    assert_refused(-EINVAL, "line 3: no '='");
}
END_TEST

static const char *const slips[] = {
    "sasl.password " SECRET "\n",      /* no '=' */
    "sasl.passwort=" SECRET "\n",      /* no such property */
    "ssl.key.password " SECRET " = x", /* the secret is in the name */
    "sasl.mechanism " SECRET "=PLAIN\n",
    "sasl.password=" SECRET "\nlinger.ms=" SECRET "\n",
    "sasl.password=" SECRET "\nsecurity.protocol=" SECRET "\n",
    "sasl.password=" SECRET "\nenable.idempotence=" SECRET "\n",
};

START_TEST(what_follows_a_name_is_never_repeated_in_an_error)
{
    write_file(slips[_i]);
    ck_assert_int_eq(make(KAFKA_PRODUCER), -EINVAL);
    ck_assert_msg(strstr(err.text, SECRET) == NULL, "%s", err.text);
}
END_TEST

/* A key or a certificate in one line, its line ends written as \n, is longer than most lines. */
static void write_long_line(const char *name, size_t len)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fprintf(file, "%s=", name);
    for (size_t i = 0; i < len; i += strlen(SECRET "="))
        fputs(SECRET "=", file);
    fputs("\nlinger.ms=7\n", file);
    fclose(file);
    config.properties_file = path;
}

START_TEST(a_long_value_is_taken_whole)
{
    write_long_line("sasl.password", 6000);
    assert_made(KAFKA_PRODUCER);
    ck_assert_uint_ge(strlen(get("sasl.password")), 6000);
    ck_assert_str_eq(get("linger.ms"), "7");
}
END_TEST

START_TEST(a_line_that_is_too_long_is_refused_and_never_cut_or_repeated)
{
    write_long_line("sasl.password", 100000);
    assert_refused(-EINVAL, "line 1: longer than");
    ck_assert_msg(strstr(err.text, "hunter2") == NULL, "%s", err.text);
}
END_TEST

START_TEST(a_client_that_cannot_be_made_takes_its_settings_and_leaves_a_line)
{
    rd_kafka_t *client = NULL;

    write_file("ssl.ca.location=/nowhere/ca.pem\nsecurity.protocol=ssl\n");
    assert_made(KAFKA_PRODUCER);
    ck_assert_int_eq(kafka_client_new(conf, KAFKA_PRODUCER, &client, &err), -EINVAL);
    conf = NULL; /* the sanitizer would see it freed twice, or never */
    ck_assert_ptr_null(client);
    ck_assert_msg(strstr(err.text, "ssl.ca.location") != NULL, "%s", err.text);
}
END_TEST

static const struct {
    rd_kafka_resp_err_t code;
    int result;
} codes[] = {
    {RD_KAFKA_RESP_ERR__TIMED_OUT, -ETIMEDOUT},
    {RD_KAFKA_RESP_ERR__TRANSPORT, -ETIMEDOUT},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, -ETIMEDOUT},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, -ENOENT},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, -ENOENT},
    {RD_KAFKA_RESP_ERR__FENCED, -EPERM},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, -EPERM},
    {RD_KAFKA_RESP_ERR_UNKNOWN, -EIO},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, -EIO},
};

START_TEST(an_error_code_has_an_errno_and_a_line)
{
    ck_assert_int_eq(kafka_error(codes[_i].code, "cannot do it", &err), codes[_i].result);
    ck_assert_msg(strncmp(err.text, "cannot do it: ", 14) == 0, "%s", err.text);
    ck_assert_msg(strstr(err.text, rd_kafka_err2str(codes[_i].code)) != NULL, "%s", err.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client");
    TCase *tests = tcase_create("client");
    int result;

    temp_directories_start();
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_consumer_reads_what_is_committed_and_never_commits_by_itself);
    tcase_add_test(tests, a_producer_is_idempotent_and_partitions_as_java_does);
    tcase_add_test(tests, properties_are_read_with_comments_spaces_and_empty_lines);
    tcase_add_test(tests, an_empty_file_changes_nothing);
    tcase_add_test(tests, a_property_overrides_our_setting_and_an_option_overrides_the_property);
    tcase_add_test(tests, an_unknown_property_is_refused_with_file_and_name);
    tcase_add_test(tests, a_value_out_of_range_is_refused_with_its_name);
    tcase_add_test(tests, a_missing_file_is_refused_with_its_path);
    tcase_add_test(tests, a_directory_for_a_file_is_refused);
    tcase_add_test(tests, a_line_without_an_equals_sign_is_refused_with_its_number);
    tcase_add_loop_test(tests, what_follows_a_name_is_never_repeated_in_an_error, 0,
                        ARRAY_LEN(slips));
    tcase_add_test(tests, a_long_value_is_taken_whole);
    tcase_add_test(tests, a_line_that_is_too_long_is_refused_and_never_cut_or_repeated);
    tcase_add_test(tests, a_client_that_cannot_be_made_takes_its_settings_and_leaves_a_line);
    tcase_add_loop_test(tests, an_error_code_has_an_errno_and_a_line, 0, ARRAY_LEN(codes));
    suite_add_tcase(suite, tests);
    result = suite_main(suite);
    temp_directories_stop();
    return result;
}

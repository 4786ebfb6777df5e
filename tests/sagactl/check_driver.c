/*
 * check_driver.c - the core of `sagactl check` as a filter, for test_check.py. No product code.
 *
 * check_driver PREFIX [--final]. In, JSON lines: {"topic", "partition", "partitions", "offset",
 * "timestamp_ms", "young", "key", "value", "headers": [[name, value]]}, bytes in hexadecimal, or
 * null; {"topic", "partition", "low"}: what lies before has expired; {"topic", "partition",
 * "open"}. Out, JSON lines: {"invariant", "subject", "text"} for each finding, then the counts.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "tools/sagactl/check_core.h"

#define LINE_BYTES_MAX (1 << 20)

static int print_finding(void *context, const struct check_finding *finding, struct error *err)
{
    json_t *line = json_pack("{s:i,s:s,s:s}", "invariant", finding->invariant, "subject",
                             finding->subject, "text", finding->text);

    (void)context;
    if (line == NULL)
        return error_set(err, -1, "a finding is not UTF-8");
    json_dumpf(line, stdout, 0);
    putchar('\n');
    json_decref(line);
    return 0;
}

/* NULL: null. */
static void *bytes_of(const json_t *hex, size_t *len)
{
    const char *text = json_string_value(hex);
    unsigned char *bytes;
    unsigned byte;

    *len = text != NULL ? strlen(text) / 2 : 0;
    bytes = text != NULL ? malloc(*len + 1) : NULL;
    for (size_t i = 0; i < *len && sscanf(text + 2 * i, "%2x", &byte) == 1; i++)
        bytes[i] = (unsigned char)byte;
    return bytes;
}

static rd_kafka_headers_t *headers_of(json_t *list)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    json_t *pair;
    size_t i, len;

    json_array_foreach (list, i, pair) {
        CLEANUP(free_ptr) void *value = bytes_of(json_array_get(pair, 1), &len);

        rd_kafka_header_add(headers, json_string_value(json_array_get(pair, 0)), -1, value,
                            (ssize_t)len);
    }
    return headers;
}

static enum topic topic_of(const char *name)
{
    enum topic topic = TOPIC_COUNT - 1;

    while (topic > TOPIC_NONE && !str_equal(topic_info(topic)->name, name))
        topic--;
    return topic;
}

static int64_t number(json_t *line, const char *name)
{
    return json_integer_value(json_object_get(line, name));
}

static int take(struct check *check, json_t *line, struct error *err)
{
    struct check_record record = {
        .topic = topic_of(json_string_value(json_object_get(line, "topic"))),
        .partition = (int32_t)number(line, "partition"),
        .partition_count = (int32_t)number(line, "partitions"),
        .offset = number(line, "offset"),
        .timestamp_ms = number(line, "timestamp_ms"),
        .young = json_is_true(json_object_get(line, "young")),
    };

    if (json_object_get(line, "low") != NULL) {
        check_begins(check, record.topic, record.partition, number(line, "low"));
        return 0;
    }
    if (json_object_get(line, "open") != NULL) {
        check_is_open(check, record.topic, record.partition);
        return 0;
    }
    record.key = bytes_of(json_object_get(line, "key"), &record.key_len);
    record.value = bytes_of(json_object_get(line, "value"), &record.value_len);
    record.headers = headers_of(json_object_get(line, "headers"));

    int r = check_add(check, &record, err);

    free((void *)record.key);
    free((void *)record.value);
    rd_kafka_headers_destroy(record.headers);
    return r;
}

static int run(struct check *check, struct error *err)
{
    struct check_counts counts;
    char *text = malloc(LINE_BYTES_MAX);
    int r = 0;

    while (r == 0 && fgets(text, LINE_BYTES_MAX, stdin) != NULL) {
        json_t *line = json_loads(text, 0, NULL);

        r = line != NULL ? take(check, line, err) : error_set(err, -1, "not JSON: %.100s", text);
        json_decref(line);
    }
    free(text);
    if (r == 0)
        r = check_finish(check, &counts, err);
    if (r == 0)
        printf("{\"orders\": %zu, \"final\": %zu, \"open\": %zu, \"left_out\": %zu, "
               "\"refused\": %zu, \"unknown\": %zu, \"findings\": %zu}\n",
               counts.orders, counts.final, counts.open, counts.left_out, counts.refused,
               counts.unknown, counts.findings);
    return r;
}

int main(int argc, char *argv[])
{
    const struct check_config config = {
        .topic_prefix = argc > 1 ? argv[1] : "",
        .final = argc > 2 && str_equal(argv[2], "--final"),
        .on_finding = print_finding,
    };
    CLEANUP(check_cleanup) struct check *check = NULL;
    struct error err = {""};
    int r = check_new(&config, &check, &err);

    if (r == 0)
        r = run(check, &err);
    if (r < 0)
        fprintf(stderr, "%s\n", err.text);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

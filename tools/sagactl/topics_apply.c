/*
 * topics_apply.c - `sagactl topics apply`: creates what is missing, reports what differs, and
 * changes nothing that exists. Run again, or twice at a time, it does no harm.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/survey.h"
#include "tools/sagactl/table.h"
#include "tools/sagactl/topics_create.h"

/* Until new topics are known everywhere and have their leaders, and between two looks. */
#define VISIBLE_TIMEOUT_MS 30000
#define VISIBLE_RETRY_MS 100
#define NUMBER_SIZE 16
#define RESULT_SIZE (ERROR_TEXT_SIZE + 16)

struct apply {
    struct cluster cluster;
    struct survey survey;
    struct creations creations;
    bool dry_run, strict;
};

struct counts {
    size_t created, missing, refused, differing, agreeing;
};

static bool is_there(const struct apply *apply, enum topic topic)
{
    return apply->survey.topics[topic].exists || apply->creations.results[topic] == CREATION_DONE ||
           apply->creations.results[topic] == CREATION_OVERTAKEN;
}

static const struct survey_topic *first_incomplete(const struct apply *apply)
{
    for (int i = TOPIC_NONE + 1; i < TOPIC_COUNT; i++)
        if (is_there(apply, (enum topic)i) && !survey_is_complete(&apply->survey.topics[i]))
            return &apply->survey.topics[i];
    return NULL;
}

/* Kafka tells nobody when a topic has spread through the cluster, so the question is repeated. */
static int wait_until_visible(struct apply *apply, struct error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + VISIBLE_TIMEOUT_MS;
    const struct survey_topic *topic;
    int r = 0;

    while (r == 0 && (topic = first_incomplete(apply)) != NULL) {
        if (clock_monotonic_ms() > deadline_ms)
            return error_set(err, -ETIMEDOUT,
                             "%s is not ready after %d s: %" PRId32 " of %" PRId32
                             " partitions have a leader",
                             topic->name, VISIBLE_TIMEOUT_MS / 1000, topic->leader_count,
                             topic->partitions_wanted);
        rd_kafka_poll(apply->cluster.client, VISIBLE_RETRY_MS);
        r = survey_take(&apply->survey, &apply->cluster, err);
    }
    return r;
}

static int apply_topics(struct apply *apply, struct error *err)
{
    int r = survey_take(&apply->survey, &apply->cluster, err);

    if (r == 0 && !apply->dry_run)
        r = topics_create(&apply->survey, &apply->cluster, &apply->creations, err);
    if (r == 0)
        r = wait_until_visible(apply, err);
    return r;
}

static void describe_result(const struct apply *apply, enum topic topic, char out[RESULT_SIZE],
                            struct counts *counts)
{
    enum creation creation = apply->creations.results[topic];

    if (creation == CREATION_REFUSED) {
        counts->refused++;
        snprintf(out, RESULT_SIZE, "refused: %s", apply->creations.reasons[topic]);
    } else if (!is_there(apply, topic)) {
        counts->missing++;
        str_copy(out, RESULT_SIZE, "would be created");
    } else if (survey_difference_count(&apply->survey.topics[topic]) > 0) {
        counts->differing++;
        str_copy(out, RESULT_SIZE, "exists, differs");
    } else if (creation == CREATION_DONE) {
        counts->created++;
        str_copy(out, RESULT_SIZE, "created");
    } else {
        counts->agreeing++;
        str_copy(out, RESULT_SIZE, "exists");
    }
}

static int print_results(const struct apply *apply, struct counts *counts, struct error *err)
{
    static const struct table_column columns[] = {{"TOPIC", false}, {"RESULT", false}};
    CLEANUP(table_cleanup) struct table *table = NULL;
    char result[RESULT_SIZE];
    int r = table_new(columns, ARRAY_LEN(columns), &table, err);

    for (int i = TOPIC_NONE + 1; r == 0 && i < TOPIC_COUNT; i++) {
        describe_result(apply, (enum topic)i, result, counts);
        r = table_add(table, (const char *[]){apply->survey.topics[i].name, result}, err);
    }
    if (r == 0)
        table_print(table, stdout);
    return r;
}

static int add_differences(const struct survey_topic *topic, struct table *table, struct error *err)
{
    char wanted[NUMBER_SIZE], actual[NUMBER_SIZE];
    int r = 0;

    if (topic->partition_count != topic->partitions_wanted) {
        snprintf(wanted, sizeof(wanted), "%" PRId32, topic->partitions_wanted);
        snprintf(actual, sizeof(actual), "%" PRId32, topic->partition_count);
        r = table_add(table, (const char *[]){topic->name, "partitions", actual, wanted}, err);
    }
    for (size_t i = 0; r == 0 && i < topic->setting_count; i++) {
        const struct survey_setting *setting = &topic->settings[i];

        if (!str_equal(setting->wanted, setting->actual))
            r = table_add(
                table,
                (const char *[]){topic->name, setting->name, setting->actual, setting->wanted},
                err);
    }
    return r;
}

static int print_differences(const struct apply *apply, struct error *err)
{
    static const struct table_column columns[] = {
        {"TOPIC", false}, {"SETTING", false}, {"IS", false}, {"SHOULD BE", false}};
    CLEANUP(table_cleanup) struct table *table = NULL;
    int r = table_new(columns, ARRAY_LEN(columns), &table, err);

    for (int i = TOPIC_NONE + 1; r == 0 && i < TOPIC_COUNT; i++)
        if (is_there(apply, (enum topic)i))
            r = add_differences(&apply->survey.topics[i], table, err);
    if (r == 0 && table_row_count(table) > 0) {
        putchar('\n');
        table_print(table, stdout);
    }
    return r;
}

static void print_count(size_t count, const char *what)
{
    if (count > 0)
        printf(", %zu %s", count, what);
}

static void print_summary(const struct counts *counts)
{
    printf("\n%d topics", TOPIC_COUNT - 1);
    print_count(counts->created, "created");
    print_count(counts->agreeing, "as they should be");
    print_count(counts->missing, "missing");
    print_count(counts->differing, "different");
    print_count(counts->refused, "refused");
    putchar('\n');
}

/* A difference is for a person to judge: more partitions move keys, a new policy deletes data. */
static enum exit_code judge(const struct apply *apply, const struct counts *counts,
                            struct error *err)
{
    const char *word = apply->strict ? "error" : "warning";

    if (counts->refused > 0) {
        error_set(err, 0, "topics that could not be created: %zu", counts->refused);
        return EXIT_CODE_FAILED;
    }
    if (counts->differing > 0)
        error_set(err, 0, "%s: topics that differ from topics.json, left as they are: %zu", word,
                  counts->differing);
    else if (counts->missing > 0 && apply->strict)
        error_set(err, 0, "%s: topics that are missing: %zu", word, counts->missing);
    return apply->strict && counts->differing + counts->missing > 0 ? EXIT_CODE_FAILED
                                                                    : EXIT_CODE_OK;
}

static enum exit_code report(const struct apply *apply, struct error *err)
{
    struct counts counts = {0};

    if (print_results(apply, &counts, err) < 0 || print_differences(apply, err) < 0)
        return EXIT_CODE_FAILED;
    print_summary(&counts);
    return judge(apply, &counts, err);
}

enum exit_code topics_apply(const struct invocation *in, struct error *err)
{
    struct apply apply = {
        .dry_run = in->options[TOPICS_APPLY_DRY_RUN] != NULL,
        .strict = in->options[TOPICS_APPLY_STRICT] != NULL,
    };
    enum exit_code code = EXIT_CODE_FAILED;

    if (cluster_open_admin(in->settings, &apply.cluster, err) < 0)
        return EXIT_CODE_USAGE;
    survey_init(&apply.survey, in->settings->topic_prefix);
    if (apply_topics(&apply, err) == 0)
        code = report(&apply, err);
    cluster_close(&apply.cluster);
    return code;
}

/*
 * check.c - `sagactl check`: reads all topics and verifies the invariants. Dead letters come first,
 * as check_core.h wants it; of the rest, what is written meanwhile is read too, so that no event is
 * judged whose cause was not to be seen.
 */
#include <errno.h>
#include <stdio.h>

#include "common/base/cleanup.h"
#include "common/base/util.h"
#include "tools/sagactl/check_core.h"
#include "tools/sagactl/check_open.h"
#include "tools/sagactl/check_report.h"
#include "tools/sagactl/cluster.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/log_read.h"

static void on_begin(void *context, enum topic topic, int32_t partition, int64_t low)
{
    check_begins(context, topic, partition, low);
}

static int on_record(void *context, const struct log_record *record, struct error *err)
{
    const rd_kafka_message_t *message = record->message;
    struct check_record own = {
        .topic = record->topic,
        .partition = message->partition,
        .partition_count = record->partition_count,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
        .young = record->young,
        .key = message->key,
        .key_len = message->key_len,
        .value = message->payload,
        .value_len = message->len,
    };

    /* None are left as NULL. */
    (void)rd_kafka_message_headers(message, &own.headers);
    return check_add(context, &own, err);
}

/* Of the topics that hold records, those of dead letters and replays, or the others. */
static size_t list_topics(bool letters, enum topic out[TOPIC_COUNT])
{
    size_t count = 0;

    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++)
        if (topic_info(topic)->writer != NULL && check_topic_is_of_letters(topic) == letters)
            out[count++] = topic;
    return count;
}

static int read_topics(struct cluster *cluster, bool letters, struct check *check,
                       struct error *err)
{
    enum topic topics[TOPIC_COUNT];
    const struct log_request request = {
        .topics = topics,
        .topic_count = list_topics(letters, topics),
        .on_begin = on_begin,
        .on_record = on_record,
        .context = check,
    };
    CLEANUP(log_reader_cleanup) struct log_reader *reader = NULL;
    int r = log_reader_open(cluster, &request, &reader, err);

    if (r == 0)
        r = log_reader_read(reader, err);
    if (r == 0 && !letters)
        r = log_reader_extend(reader, err);
    return r == 0 ? log_reader_read(reader, err) : r;
}

static int find_open(struct cluster *cluster, struct check *check, struct error *err)
{
    enum topic topics[TOPIC_COUNT];

    return check_open_transactions(cluster, topics, list_topics(false, topics), check, err);
}

static int run(struct cluster *cluster, const struct check_config *config, struct check_counts *ret,
               struct error *err)
{
    CLEANUP(check_cleanup) struct check *check = NULL;
    int r = check_new(config, &check, err);

    if (r == 0)
        r = read_topics(cluster, true, check, err);
    if (r == 0)
        r = read_topics(cluster, false, check, err);
    if (r == 0 && config->final)
        r = find_open(cluster, check, err);
    if (r == 0)
        r = check_finish(check, ret, err);
    return r;
}

enum exit_code check(const struct invocation *in, struct error *err)
{
    CLEANUP(check_report_cleanup) struct check_report *report = NULL;
    CLEANUP(cluster_close) struct cluster cluster = {0};
    struct check_counts counts = {0};
    struct check_config config = {
        .topic_prefix = in->settings->topic_prefix,
        .final = in->options[CHECK_FINAL] != NULL,
        .on_finding = check_report_add,
    };
    int r = check_report_new(&report, err);

    config.context = report;
    if (r == 0 && cluster_open_consumer(in->settings, &cluster, err) < 0)
        return EXIT_CODE_USAGE;
    if (r == 0)
        r = run(&cluster, &config, &counts, err);
    if (r == 0)
        r = in->options[CHECK_JSON] != NULL
                ? check_report_print_json(report, &counts, stdout, err)
                : check_report_print_table(report, &counts, stdout, err);
    return r < 0 || counts.findings > 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

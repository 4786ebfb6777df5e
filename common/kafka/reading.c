/* reading.c - see reading.h. */
#include "common/kafka/reading.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "common/kafka/assignment.h"
#include "common/kafka/client.h"
#include "common/kafka/shard_set.h"

/* Bounds how long a stop may have to wait. */
#define BOOKMARK_TIMEOUT_MS 1500

const char *reading_group(const struct runtime_config *config, char out[GROUP_SIZE])
{
    snprintf(out, GROUP_SIZE, "%s%s", config->kafka->topic_prefix, config->participant->name);
    return out;
}

int reading_open_consumer(const struct runtime_config *config, const char *isolation,
                          rd_kafka_t **ret, struct error *err)
{
    char group[GROUP_SIZE];
    /* The group's bookmarks are read with it; being a member is the elector's part. */
    const struct kafka_option options[] = {
        {"group.id", reading_group(config, group)},
        {"isolation.level", isolation},
    };
    rd_kafka_conf_t *conf;
    int r = kafka_conf_new(config->kafka, KAFKA_CONSUMER, options, ARRAY_LEN(options), &conf, err);

    return r < 0 ? r : kafka_client_new(conf, KAFKA_CONSUMER, ret, err);
}

void reading_close_consumer(rd_kafka_t *consumer)
{
    if (consumer != NULL)
        rd_kafka_destroy_flags(consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

DEFINE_CLEANUP(consumer_cleanup, rd_kafka_t, reading_close_consumer)

/*
 * Own topics of these shards, from where the cache ends. An owner waits for the ends of its own, a
 * standby for all; nobody does who `restores` no more.
 */
static int add_ledgers(struct reading *reading, uint32_t shards, bool restores,
                       rd_kafka_topic_partition_list_t *list, struct error *err)
{
    int begin = list->cnt;
    int r = assignment_add_ledgers(reading->config->participant, reading->topics, reading->ledger,
                                   shards, list, err);

    for (int i = begin; r == 0 && i < list->cnt; i++) {
        rd_kafka_topic_partition_t *entry = &list->elems[i];
        uint32_t shard = work_shard_of(reading->work, entry->partition);
        bool is_ours = reading->shards == 0 || shard_set_has(reading->shards, shard);

        entry->offset =
            restore_read(&reading->restore, topic_by_name(reading->topics, entry->topic),
                         entry->partition, entry->offset, restores && is_ours);
    }
    return r;
}

/* The first half of reading: all own topics, and nothing else until their ends are reached. */
int reading_begin(struct reading *reading, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(16);
    int r;

    restore_begin(&reading->restore);
    reading->reads_inputs = false;
    r = add_ledgers(reading, UINT32_MAX, true, list, err);
    if (r < 0)
        return r;
    log_info("restoring", "shards=0x%" PRIx32 " partitions=%zu", reading->shards,
             reading->restore.count);
    return assignment_set(reading->consumer, list, err);
}

/*
 * The group's offsets. They are not to be had while one that was sent in a transaction waits for
 * its end, which may be for good (see restore.h). Those before it serve as well; `is_saved` is then
 * false: to be saved anew, which undoes what waits.
 */
static int read_bookmarks(struct reading *reading, rd_kafka_topic_partition_list_t *list,
                          bool *is_saved, struct error *err)
{
    CLEANUP(consumer_cleanup) rd_kafka_t *consumer = NULL;
    int r = assignment_read_bookmarks(reading->consumer, BOOKMARK_TIMEOUT_MS, list, err);

    *is_saved = r == 0;
    if (r != -ETIMEDOUT)
        return r;
    log_warn("bookmarks_are_pending", "reason=%s", LOG_TEXT(err->text));
    r = reading_open_consumer(reading->config, "read_uncommitted", &consumer, err);
    return r < 0 ? r : assignment_read_bookmarks(consumer, BOOKMARK_TIMEOUT_MS, list, err);
}

static int add_inputs(struct reading *reading, rd_kafka_topic_partition_list_t *list,
                      struct error *err)
{
    bool is_saved;
    int r;

    assignment_add_inputs(reading->config->participant, reading->topics, reading->shards, list);
    if (list->cnt == 0)
        return 0;
    r = read_bookmarks(reading, list, &is_saved, err);
    for (int i = 0; r == 0 && i < list->cnt; i++)
        work_set_bookmark(reading->work, topic_by_name(reading->topics, list->elems[i].topic),
                          list->elems[i].partition, list->elems[i].offset, is_saved);
    return r;
}

/* The second half: the inputs of the owned shards, and of the others the ledgers, to stay warm. */
static int read_inputs(struct reading *reading, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(16);
    int r = ledger_commit(reading->ledger, clock_utc_ms(), err);

    if (r == 0)
        r = add_inputs(reading, list, err);
    if (r == 0)
        r = add_ledgers(reading, ~reading->shards, false, list, err);
    if (r == 0)
        r = assignment_set(reading->consumer, list, err);
    if (r < 0)
        return r;
    reading->reads_inputs = true;
    log_info(reading->shards != 0 ? "owner" : "standby", "shards=0x%" PRIx32 " took_ms=%" PRId64,
             reading->shards, clock_monotonic_ms() - reading->since_ms);
    return 0;
}

/* While restoring, all that is read are own topics, and their ends are what is waited for. */
static int note_end(struct reading *reading, const rd_kafka_message_t *end, struct error *err)
{
    enum topic topic = topic_by_name(reading->topics, rd_kafka_topic_name(end->rkt));
    int r;

    if (reading->reads_inputs && participant_reads(reading->config->participant, topic))
        work_reach_end(reading->work, end);
    r = restore_note_end(&reading->restore, reading->consumer, topic, end, err);
    return r == 1 ? read_inputs(reading, err) : r;
}

int reading_take(struct reading *reading, const rd_kafka_message_t *message, struct error *err)
{
    int is_last = 0, r;

    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return note_end(reading, message, err);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(message->err, rd_kafka_message_errstr(message), err);
    if (restore_is_curious(&reading->restore))
        is_last = restore_note_record(
            &reading->restore, reading->consumer,
            topic_by_name(reading->topics, rd_kafka_topic_name(message->rkt)), message, err);
    if (is_last < 0)
        return is_last;
    r = work_take(reading->work, message, err);
    return r == 0 && is_last ? read_inputs(reading, err) : r;
}

int reading_restore(struct reading *reading, struct error *err)
{
    enum topic topic;
    int32_t partition;
    int r = 0;

    restore_tell(&reading->restore, reading->topics);
    /* What hides an end of an own topic may be our own: then the next commit ends it. */
    while (r == 0 && reading->shards != 0 &&
           (topic = restore_next_hidden(&reading->restore, reading->consumer, reading->topics,
                                        &partition)) != TOPIC_NONE)
        r = work_settle(reading->work, topic, partition, err);
    return r;
}

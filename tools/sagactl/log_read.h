/*
 * log_read.h - reads topics as they are now: each partition from its beginning to the end that it
 * had at the start, read_committed; and, if wanted, what comes after. No group is joined, no
 * service is asked; what the records say is the caller's business.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/base/error.h"
#include "common/event/event.h"
#include "common/kafka/record.h"
#include "tools/sagactl/cluster.h"

struct log_record {
    enum topic topic;
    int32_t partition_count;           /* of the topic */
    bool young;                        /* not before the end that was found first */
    const rd_kafka_message_t *message; /* borrowed for the call */
};

/* Returns 0 to go on; anything else ends the reading, which returns it: 1, or a negative errno. */
typedef int log_record_function(void *context, const struct log_record *record, struct error *err);

/* Where a partition begins: if it is more than 0, records before it have expired. */
typedef void log_begin_function(void *context, enum topic topic, int32_t partition, int64_t low);

struct log_request {
    const enum topic *topics;     /* borrowed */
    size_t topic_count;           /* up to TOPIC_LIST_MAX */
    const char *key;              /* only the partition of this key, of each topic; NULL: all */
    log_begin_function *on_begin; /* once per partition, before all records; NULL: not wanted */
    log_record_function *on_record;
    void *context;
};

/*
 * Hands over the records of a partition in their order, those of different partitions in any.
 * `cluster` is one for consuming, open; afterwards it may be used again. Bounded by standstill,
 * not by time: a topic may be long.
 * Returns 0, -ENOENT (a topic is missing), -ETIMEDOUT (nobody answers), -EINVAL (topics keyed by
 * order_id differ in partitions), -EIO, -ENOMEM, or what the callback returned.
 */
int log_read(struct cluster *cluster, const struct log_request *request, struct error *err);

/* The same in two steps, for those who wait for what comes. */
struct log_reader;

/* `request` and `cluster` are borrowed for as long as the reader is. Errors as of log_read(). */
int log_reader_open(struct cluster *cluster, const struct log_request *request,
                    struct log_reader **ret, struct error *err);
void log_reader_close(struct log_reader *reader); /* NULL is harmless */

DEFINE_CLEANUP(log_reader_cleanup, struct log_reader, log_reader_close)

/* At least to the ends: what comes meanwhile may be among it. */
int log_reader_read(struct log_reader *reader, struct error *err);

/*
 * Asks again where the partitions end: the next log_reader_read() reads to there. What a record
 * from before the first ends follows from is then among the records.
 */
int log_reader_extend(struct log_reader *reader, struct error *err);

/* And on from there, until the callback has enough. Returns what it returned; 0: time is over. */
int log_reader_follow(struct log_reader *reader, int timeout_ms, struct error *err);

/* Topics whose key is an order id, in the order of topics.json. Returns how many. */
size_t log_order_topics(enum topic out[TOPIC_COUNT]);

/*
 * The event of a record: true if it is one by the schemas, and one of the record's topic. At most
 * event_size(ret) bytes of `ret` are written. What is refused is in the dead letters.
 */
bool log_record_event(const struct log_record *record, struct codec *codec, struct event *ret);

/* restore.c - see restore.h. */
#include "common/kafka/restore.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"

#define TELL_EVERY_MS 10000
/* For so long nothing has come: transactions that are about to end have ended. */
#define HIDDEN_MS 2000
#define ASK_TIMEOUT_MS 500

void restore_begin(struct restore *restore)
{
    memset(restore, 0, sizeof(*restore));
    restore->told_ms = restore->moved_ms = clock_monotonic_ms();
}

int64_t restore_read(struct restore *restore, enum topic topic, int32_t partition, int64_t next,
                     bool is_awaited)
{
    restore->unseen -= restore->of[topic][partition].known > 0;
    restore->of[topic][partition] =
        (struct restore_end){.is_awaited = is_awaited, .next = next, .known = next};
    restore->count += is_awaited;
    restore->unseen += next > 0;
    return next > 0 ? next - 1 : 0;
}

/*
 * What the broker said last, without asking. An end is that of the topic, with what is not
 * committed.
 */
static bool limits(rd_kafka_t *consumer, const char *topic, int32_t partition, int64_t *first,
                   int64_t *end)
{
    return rd_kafka_get_watermark_offsets(consumer, topic, partition, first, end) ==
               RD_KAFKA_RESP_ERR_NO_ERROR &&
           *end >= 0;
}

/*
 * The first thing that is read is the last record that the cache knows. Or it has expired. Or else
 * the topic has lost it: its transaction was ended otherwise than we were told, or a broker has
 * lost what it had. The cache then knows of events that never were.
 */
static int check_known(struct restore *restore, struct restore_end *end, rd_kafka_t *consumer,
                       const rd_kafka_message_t *message, struct error *err)
{
    int64_t wanted = end->known - 1, first = 0, last;
    bool is_there = message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset == wanted;
    const char *topic = rd_kafka_topic_name(message->rkt);

    if (end->known == 0)
        return 0;
    end->known = 0;
    restore->unseen--;
    if (is_there || (limits(consumer, topic, message->partition, &first, &last) && first > wanted))
        return 0;
    return error_set(err, -EUCLEAN, "%s [%" PRId32 "] has no record %" PRId64 " any more", topic,
                     message->partition, wanted);
}

bool restore_is_curious(const struct restore *restore)
{
    return restore->count > 0 || restore->unseen > 0;
}

/* Up to `next` all is read. Returns as restore_note_record(). */
static int advance(struct restore *restore, struct restore_end *end, rd_kafka_t *consumer,
                   const rd_kafka_message_t *message, int64_t next, struct error *err)
{
    int64_t first, last;
    int r = check_known(restore, end, consumer, message, err);

    if (r < 0 || !end->is_awaited)
        return r;
    /* What has come is an answer to this reading, and so newer than our fence. */
    if (end->end == 0 &&
        limits(consumer, rd_kafka_topic_name(message->rkt), message->partition, &first, &last))
        end->end = last;
    end->next = next;
    if (next < end->end)
        return 0;
    end->is_awaited = false;
    return --restore->count == 0;
}

int restore_note_record(struct restore *restore, rd_kafka_t *consumer, enum topic topic,
                        const rd_kafka_message_t *record, struct error *err)
{
    struct restore_end *end = &restore->of[topic][record->partition];

    end->is_short = false;
    restore->moved_ms = clock_monotonic_ms();
    return advance(restore, end, consumer, record, record->offset + 1, err);
}

int restore_note_end(struct restore *restore, rd_kafka_t *consumer, enum topic topic,
                     const rd_kafka_message_t *message, struct error *err)
{
    struct restore_end *end = &restore->of[topic][message->partition];
    int64_t first, last;

    /* What the cache knows may be among what is hidden. */
    if (end->known > 0 && message->offset < end->known &&
        limits(consumer, rd_kafka_topic_name(message->rkt), message->partition, &first, &last) &&
        message->offset < last) {
        end->is_short = true;
        return 0;
    }
    int r = advance(restore, end, consumer, message, message->offset, err);

    end->is_short = end->is_awaited;
    return r;
}

/* What the cache knows may itself be hidden: then no end is ever told. */
static bool seems_hidden(const struct restore_end *end, rd_kafka_t *consumer, const char *topic,
                         int32_t partition)
{
    int64_t first, last;

    return end->is_awaited &&
           (end->is_short ||
            (limits(consumer, topic, partition, &first, &last) && end->next >= last));
}

/*
 * Asks the leader. One that does not answer would not take a record either, and a transaction that
 * fails there is aborted: that ends what is hidden the wrong way.
 */
static bool is_hidden(rd_kafka_t *consumer, const char *topic, int32_t partition)
{
    int64_t first, last, readable;

    return rd_kafka_query_watermark_offsets(consumer, topic, partition, &first, &readable,
                                            ASK_TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           limits(consumer, topic, partition, &first, &last) && readable < last;
}

enum topic restore_next_hidden(struct restore *restore, rd_kafka_t *consumer,
                               const struct topics *topics, int32_t *partition)
{
    if (restore->count == 0 || clock_monotonic_ms() - restore->moved_ms < HIDDEN_MS)
        return TOPIC_NONE;
    for (size_t i = 0; i < topics->count; i++) {
        const struct topic_state *topic = &topics->list[i];

        for (*partition = 0; *partition < topic->partition_count; ++*partition) {
            struct restore_end *end = &restore->of[topic->topic][*partition];

            if (end->was_named || !seems_hidden(end, consumer, topic->name, *partition))
                continue;
            if (is_hidden(consumer, topic->name, *partition)) {
                end->was_named = true;
                return topic->topic;
            }
        }
    }
    restore->moved_ms = clock_monotonic_ms(); /* not again so soon */
    return TOPIC_NONE;
}

/*
 * Much is to be read; or an end stays hidden, behind a transaction that a stranger has left open.
 */
void restore_tell(struct restore *restore, const struct topics *topics)
{
    int64_t now_ms = clock_monotonic_ms();

    if (restore->count == 0 || now_ms - restore->told_ms < TELL_EVERY_MS)
        return;
    restore->told_ms = now_ms;
    for (enum topic topic = 0; topic < TOPIC_COUNT; topic++)
        for (size_t p = 0; p < PARTITIONS_MAX; p++)
            if (restore->of[topic][p].is_awaited)
                log_warn("still_restoring", "topic=%s partition=%zu waits_for=end",
                         topic_state(topics, topic)->name, p);
}

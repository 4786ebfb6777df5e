/* assignment.c - see assignment.h. Shard s owns the partitions p with p mod shards = s. */
#include "common/kafka/assignment.h"

#include <errno.h>
#include <stdbool.h>

#include "common/kafka/client.h"
#include "common/kafka/publisher.h"
#include "common/kafka/shard_set.h"

bool participant_reads(const struct participant *participant, enum topic topic)
{
    for (size_t i = 0; i < participant->subscription_count; i++)
        if (event_topic(participant->subscriptions[i].type) == topic)
            return true;
    return topic == participant->replays;
}

size_t participant_topics(const struct participant *participant, enum topic *ret)
{
    size_t count = 0;

    ret[count++] = participant->shards;
    ret[count++] = participant->dead_letters;
    for (size_t i = 0; i < participant->ledger_count; i++)
        ret[count++] = participant->ledgers[i];
    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++)
        if (participant_reads(participant, topic))
            ret[count++] = topic;
    return count;
}

static int check_bounds(const struct participant *participant, const struct topics *topics,
                        struct error *err)
{
    for (size_t i = 0; i < topics->count; i++) {
        const struct topic_state *topic = &topics->list[i];
        int32_t max = topic->topic == participant->shards ? SHARDS_MAX : PARTITIONS_MAX;

        if (topic->partition_count < 1 || topic->partition_count > max)
            return error_set(err, -EINVAL, "topic %s has %d partitions; 1 to %d are supported",
                             topic->name, (int)topic->partition_count, (int)max);
    }
    return 0;
}

/* A record that is replayed must come to the shard that it came to before. */
static int check_replays(const struct participant *participant, const struct topics *topics,
                         struct error *err)
{
    const struct topic_state *replays = topic_state(topics, participant->replays);

    for (size_t i = 0; i < topics->count; i++) {
        const struct topic_state *topic = &topics->list[i];

        if (topic_info(topic->topic)->keyed_by_order &&
            topic->partition_count != replays->partition_count)
            return error_set(err, -EINVAL,
                             "topic %s has %d partitions but %s has %d: they must agree",
                             replays->name, (int)replays->partition_count, topic->name,
                             (int)topic->partition_count);
    }
    return 0;
}

int participant_describe(const struct participant *participant, rd_kafka_t *client,
                         const char *prefix, int timeout_ms, struct topics *ret, struct error *err)
{
    enum topic wanted[TOPIC_COUNT];
    size_t count = participant_topics(participant, wanted);
    int r = topics_describe(client, prefix, wanted, count, timeout_ms, ret, err);

    if (r == 0)
        r = check_bounds(participant, ret, err);
    return r == 0 ? check_replays(participant, ret, err) : r;
}

static bool is_in_shards(const struct participant *participant, const struct topics *topics,
                         uint32_t shards, int32_t partition)
{
    int32_t count = topic_state(topics, participant->shards)->partition_count;

    return (shards >> (partition % count) & 1) != 0;
}

int assignment_add_ledgers(const struct participant *participant, const struct topics *topics,
                           struct ledger *ledger, uint32_t shards,
                           rd_kafka_topic_partition_list_t *list, struct error *err)
{
    int r = 0;

    for (size_t i = 0; i < participant->ledger_count; i++) {
        const struct topic_state *topic = topic_state(topics, participant->ledgers[i]);

        for (int32_t p = 0; r == 0 && p < topic->partition_count; p++) {
            int64_t next = 0;

            if (!is_in_shards(participant, topics, shards, p))
                continue;
            r = ledger_position(ledger, topic->topic, p, &next, err);
            rd_kafka_topic_partition_list_add(list, topic->name, p)->offset = next;
        }
    }
    return r;
}

void assignment_add_inputs(const struct participant *participant, const struct topics *topics,
                           uint32_t shards, rd_kafka_topic_partition_list_t *list)
{
    for (size_t i = 0; i < topics->count; i++) {
        const struct topic_state *topic = &topics->list[i];

        if (!participant_reads(participant, topic->topic))
            continue;
        for (int32_t p = 0; p < topic->partition_count; p++)
            if (is_in_shards(participant, topics, shards, p))
                rd_kafka_topic_partition_list_add(list, topic->name, p);
    }
}

int assignment_read_bookmarks(rd_kafka_t *consumer, int timeout_ms,
                              rd_kafka_topic_partition_list_t *list, struct error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_committed(consumer, list, timeout_ms);

    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        code = list->elems[i].err;
        if (list->elems[i].offset < 0)
            list->elems[i].offset = 0; /* nobody has saved one yet: from the beginning */
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0
                                              : kafka_error(code, "cannot read the bookmark", err);
}

int assignment_set(rd_kafka_t *consumer, const rd_kafka_topic_partition_list_t *list,
                   struct error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_assign(consumer, list);

    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : kafka_error(code, "cannot assign", err);
}

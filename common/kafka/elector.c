/* elector.c - see elector.h. */
#include "common/kafka/elector.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "common/base/uuid.h"
#include "common/kafka/shard_set.h"
#include "common/kafka/vacancy.h"

#define NAME_SIZE 256

struct elector {
    rd_kafka_t *consumer;
    struct vacancy vacancy;
    uint32_t all; /* shards */
    uint32_t shards;
    bool leaves; /* to join again as soon as it has left */
    char group[NAME_SIZE];
    char instance[NAME_SIZE];
    char topic[NAME_SIZE];
    char token[UUID_SIZE]; /* of this elector alone: tells us from a namesake */
};

DEFINE_CLEANUP(elector_cleanup, struct elector, elector_free)

/* The partitions are held, not read: pausing them saves the fetches. */
static void on_rebalance(rd_kafka_t *consumer, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct elector *elector = opaque;
    uint32_t set = shard_set_of(partitions);
    CLEANUP(kafka_error_cleanup) rd_kafka_error_t *error = NULL;

    vacancy_rebalanced(&elector->vacancy);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        error = rd_kafka_incremental_assign(consumer, partitions);
        rd_kafka_pause_partitions(consumer, partitions);
        elector->shards |= set;
    } else {
        elector->shards &= ~set;
        error = rd_kafka_incremental_unassign(consumer, partitions);
    }
    if (error != NULL)
        log_warn("rebalance_failed", "reason=%s", LOG_TEXT(rd_kafka_error_string(error)));
}

static int subscribe(struct elector *elector, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *topics =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t code;

    rd_kafka_topic_partition_list_add(topics, elector->topic, RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(elector->consumer, topics);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : kafka_error(code, "cannot join", err);
}

static int new_consumer(const struct elector_config *config, struct elector *elector,
                        struct error *err)
{
    char session_ms[16];
    const struct kafka_option options[] = {
        {"group.id", config->group},
        {"group.instance.id", config->instance}, /* a restart delays by 0.1 s instead of 8 s */
        {"partition.assignment.strategy", "cooperative-sticky"},
        {"session.timeout.ms", session_ms},
        {"heartbeat.interval.ms", "200"}, /* how soon a rebalance is noticed */
        /* No statistics: nobody takes them. But the library sends a heartbeat only when its thread
           wakes up, and nothing else would wake that of a quiet member within the second. */
        {"statistics.interval.ms", "100"},
        {"max.poll.interval.ms", "60000"}, /* above whatever a commit may take */
        {"fetch.wait.max.ms", "10000"},
        /* Travels in what we tell the group: see elector_confirm_fenced(). Nothing else uses it. */
        {"client.rack", elector->token},
    };
    rd_kafka_conf_t *conf;
    int r;

    uuid_v7(clock_utc_ms(), elector->token);
    str_copy(elector->group, sizeof(elector->group), config->group);
    str_copy(elector->instance, sizeof(elector->instance), config->instance);
    str_copy(elector->topic, sizeof(elector->topic), config->topic);
    elector->all = shard_set_all(config->shard_count);
    snprintf(session_ms, sizeof(session_ms), "%d", SESSION_TIMEOUT_MS);
    r = kafka_conf_new(config->kafka, KAFKA_CONSUMER, options, ARRAY_LEN(options), &conf, err);
    if (r < 0)
        return r;
    rd_kafka_conf_set_opaque(conf, elector);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    return kafka_client_new(conf, KAFKA_CONSUMER, &elector->consumer, err);
}

int elector_new(const struct elector_config *config, struct elector **ret, struct error *err)
{
    CLEANUP(elector_cleanup) struct elector *elector = calloc(1, sizeof(*elector));
    int r;

    if (elector == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    r = new_consumer(config, elector, err);
    if (r == 0)
        r = subscribe(elector, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(elector);
    return 0;
}

/* What comes here are errors that the library goes on from by itself, and logs. */
static void serve(struct elector *elector)
{
    rd_kafka_message_t *message;

    while ((message = rd_kafka_consumer_poll(elector->consumer, 0)) != NULL)
        rd_kafka_message_destroy(message);
}

void elector_free(struct elector *elector)
{
    if (elector == NULL)
        return;
    if (elector->consumer != NULL) {
        serve(elector); /* a rebalance that waits for our answer would be waited for, for ever */
        rd_kafka_destroy_flags(elector->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    free(elector);
}

static int check_fatal(struct elector *elector, struct error *err)
{
    char text[ERROR_TEXT_SIZE];
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(elector->consumer, text, sizeof(text));

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    elector->shards = 0;
    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        return error_set(err, -EALREADY, "another member joined as %s", elector->instance);
    return error_set(err, -EIO, "group membership failed: %s", text);
}

/* A member that has left has no id. */
static bool has_left(struct elector *elector)
{
    char *id = rd_kafka_memberid(elector->consumer);
    bool left = id == NULL || id[0] == '\0';

    if (id != NULL)
        rd_kafka_mem_free(elector->consumer, id);
    return left;
}

/*
 * Leaving and joining are two rebalances, which is what a lost shard waits for. Asked to subscribe
 * before it has left, the library would not leave, and as the static member that it was it would be
 * given what it had.
 */
static int join_again(struct elector *elector, struct error *err)
{
    if (vacancy_look(&elector->vacancy, elector->consumer, elector->group, elector->topic,
                     elector->all, elector->shards)) {
        rd_kafka_resp_err_t code = rd_kafka_unsubscribe(elector->consumer);

        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            return kafka_error(code, "cannot leave", err);
        elector->leaves = true;
    }
    if (!elector->leaves || !has_left(elector))
        return 0;
    elector->leaves = false;
    return subscribe(elector, err);
}

int elector_poll(struct elector *elector, struct error *err)
{
    int r;

    serve(elector);
    r = check_fatal(elector, err);
    return r == 0 ? join_again(elector, err) : r;
}

/* A broker names a static member "<group.instance.id>-<uuid>". */
static bool has_our_instance(const struct elector *elector,
                             const struct rd_kafka_group_member_info *member)
{
    size_t len = strlen(elector->instance);

    return strncmp(member->member_id, elector->instance, len) == 0 &&
           member->member_id[len] == '-' && strlen(member->member_id) == len + UUID_SIZE;
}

/*
 * True if the member that has our instance id now did not join with our token. While its group is
 * rebalancing, a broker leaves out what members told; then nothing is proved.
 */
static bool has_namesake(const struct elector *elector, const struct rd_kafka_group_info *group)
{
    for (int i = 0; i < group->member_cnt; i++) {
        const struct rd_kafka_group_member_info *member = &group->members[i];
        size_t size = (size_t)member->member_metadata_size;

        if (has_our_instance(elector, member))
            return size > 0 && memmem(member->member_metadata, size, elector->token,
                                      strlen(elector->token)) == NULL;
    }
    return false;
}

int elector_confirm_fenced(struct elector *elector, rd_kafka_t *client, int timeout_ms,
                           struct error *err)
{
    const struct rd_kafka_group_list *list = NULL;
    bool namesake;

    /* Not DescribeConsumerGroups: it leaves out what a member told when it joined. */
    if (rd_kafka_list_groups(client, elector->group, &list, timeout_ms) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_set(err, -EIO, "fenced, and no broker says by whom");
    namesake = list->group_cnt == 1 && has_namesake(elector, &list->groups[0]);
    rd_kafka_group_list_destroy(list);
    if (namesake)
        return error_set(err, -EALREADY, "a newer process runs with the same SERVICE_INSTANCE");
    return error_set(err, -EIO, "fenced by our own earlier request: joining again");
}

uint32_t elector_shards(const struct elector *elector)
{
    return elector->shards;
}

rd_kafka_consumer_group_metadata_t *elector_metadata(struct elector *elector)
{
    return rd_kafka_consumer_group_metadata(elector->consumer);
}

/* session.c - see session.h. */
#include "common/kafka/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "common/kafka/assignment.h"
#include "common/kafka/elector.h"
#include "common/kafka/ledger.h"
#include "common/kafka/publisher.h"
#include "common/kafka/restore.h"
#include "common/kafka/work.h"

#define NAME_SIZE 256
#define DIRECTORY_SIZE 4096
/* All of these bound how long a stop may have to wait. */
#define DESCRIBE_TIMEOUT_MS 3000
#define CONFIRM_TIMEOUT_MS 1500
#define BOOKMARK_TIMEOUT_MS 1500
/* How long an idle look for records may take. Who has no shard looks at the election more often. */
#define IDLE_POLL_MS 100
#define IDLE_POLL_STANDBY_MS 10
/* A batch is committed after this even if records keep coming; looked at every so many records. */
#define BATCH_MS_MAX 100
#define BATCH_CLOCK_RECORDS 32
/* A commit returns before the broker has written its markers. A transaction that begins until then
   is refused, and librdkafka tries again after 20 ms. It registers a record's partition as soon as
   it has the record, so it is the record that has to wait. Measured at 200 orders/s on a slow
   machine: p50 96 instead of 125 ms, one refusal where there were 24. */
#define COMMIT_REST_MS 6

struct session {
    const struct runtime_config *config;
    rd_kafka_t *consumer;
    struct topics topics;
    struct ledger *ledger;
    struct work *work;
    struct elector *elector;
    uint32_t shards; /* that the consumer's assignment is for */
    struct restore restore;
    bool owns;              /* session_own() has succeeded for `shards` */
    bool reads_inputs;      /* the second half of owning: restored, and assigned the inputs */
    int64_t owned_since_ms; /* monotonic, as the next */
    int64_t rest_until_ms;  /* before another transaction; 0: no rest */
};

DEFINE_CLEANUP(session_cleanup, struct session, session_close)

static const char *group_name(const struct session *session, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "%s%s", session->config->kafka->topic_prefix,
             session->config->participant->name);
    return out;
}

static int open_consumer(struct session *session, struct error *err)
{
    char group[NAME_SIZE];
    /* The group's bookmarks are read with it; being a member is the elector's part. */
    const struct kafka_option options[] = {{"group.id", group_name(session, group)}};
    rd_kafka_conf_t *conf;
    int r = kafka_conf_new(session->config->kafka, KAFKA_CONSUMER, options, ARRAY_LEN(options),
                           &conf, err);

    return r < 0 ? r : kafka_client_new(conf, KAFKA_CONSUMER, &session->consumer, err);
}

static const char *cache_directory(const struct session *session, char out[DIRECTORY_SIZE])
{
    snprintf(out, DIRECTORY_SIZE, "%s/ledger", session->config->data_dir);
    return out;
}

static int open_ledger(struct session *session, struct error *err)
{
    const struct participant *own = session->config->participant;
    char path[DIRECTORY_SIZE];

    return ledger_open(cache_directory(session, path), &session->topics, own->ledgers,
                       own->ledger_count, &session->ledger, err);
}

static int open_work(struct session *session, struct error *err)
{
    const struct work_config config = {
        .participant = session->config->participant,
        .settings = session->config->settings,
        .topics = &session->topics,
        .ledger = session->ledger,
        .measures = session->config->measures,
        .tracer = session->config->tracer,
    };

    return work_new(&config, &session->work, err);
}

static int open_elector(struct session *session, struct error *err)
{
    const struct participant *participant = session->config->participant;
    char group[NAME_SIZE], instance[NAME_SIZE];
    const struct elector_config config = {
        .kafka = session->config->kafka,
        .group = group_name(session, group),
        .instance = instance,
        .topic = topic_state(&session->topics, participant->shards)->name,
    };

    snprintf(instance, sizeof(instance), "%s-%s", participant->name, session->config->instance);
    return elector_new(&config, &session->elector, err);
}

int session_open(const struct runtime_config *config, struct session **ret, struct error *err)
{
    CLEANUP(session_cleanup) struct session *session = calloc(1, sizeof(*session));
    int r;

    if (session == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    session->config = config;
    r = open_consumer(session, err);
    if (r == 0)
        r = participant_describe(config->participant, session->consumer,
                                 config->kafka->topic_prefix, DESCRIBE_TIMEOUT_MS, &session->topics,
                                 err);
    if (r == 0)
        r = open_ledger(session, err);
    if (r == 0)
        r = open_work(session, err);
    if (r == 0)
        r = open_elector(session, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(session);
    return 0;
}

void session_close(struct session *session)
{
    if (session == NULL)
        return;
    work_free(session->work);
    elector_free(session->elector);
    ledger_close(session->ledger);
    if (session->consumer != NULL)
        rd_kafka_destroy_flags(session->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(session);
}

void session_condemn_cache(struct session *session)
{
    char directory[DIRECTORY_SIZE];
    struct error err;

    if (ledger_condemn(cache_directory(session, directory), &err) < 0)
        log_error("cache_is_damaged", "reason=%s", LOG_TEXT(err.text));
}

int session_poll(struct session *session, struct error *err)
{
    int r = elector_poll(session->elector, err);

    if (r == -EALREADY)
        r = elector_confirm_fenced(session->elector, session->consumer, CONFIRM_TIMEOUT_MS, err);
    return r;
}

bool session_has_changed(const struct session *session)
{
    return !session->owns || session_has_lost(session);
}

bool session_has_lost(const struct session *session)
{
    return elector_shards(session->elector) != session->shards;
}

static int check_topics(struct session *session, struct error *err)
{
    const char *changed;
    struct topics now;
    int r =
        participant_describe(session->config->participant, session->consumer,
                             session->config->kafka->topic_prefix, DESCRIBE_TIMEOUT_MS, &now, err);

    if (r < 0)
        return r;
    changed = topics_difference(&session->topics, &now);
    return changed == NULL ? 0 : error_set(err, -ESTALE, "topic %s was created anew", changed);
}

static int own_shard(struct session *session, uint32_t shard, struct error *err)
{
    const struct participant *participant = session->config->participant;
    CLEANUP(publisher_cleanup) struct publisher *publisher = NULL;
    char id[NAME_SIZE + 16], group[NAME_SIZE], source[NAME_SIZE];
    const struct publisher_config config = {
        .kafka = session->config->kafka,
        .transactional_id = id,
        .source = source,
        .ledgers = participant->ledgers,
        .ledger_count = participant->ledger_count,
        .dead_letters = participant->dead_letters,
        .measures = session->config->measures,
    };
    int r;

    snprintf(id, sizeof(id), "%s-%" PRIu32, group_name(session, group), shard);
    snprintf(source, sizeof(source), "order-saga/%s", participant->name);
    r = publisher_take_over(&config, &publisher, err);
    if (r == 0)
        work_own(session->work, shard, TAKE_PTR(publisher));
    return r;
}

static int add_ledgers(struct session *session, uint32_t shards,
                       rd_kafka_topic_partition_list_t *list, struct error *err)
{
    return assignment_add_ledgers(session->config->participant, &session->topics, session->ledger,
                                  shards, list, err);
}

/* An owner waits for the own topics of its shards, a standby for all. */
static void await_ends(struct session *session, const rd_kafka_topic_partition_list_t *list)
{
    restore_begin(&session->restore);
    for (int i = 0; i < list->cnt; i++) {
        int32_t partition = list->elems[i].partition;
        uint32_t shard = work_shard_of(session->work, partition);

        if (session->shards != 0 && (session->shards >> shard & 1) == 0)
            continue;
        restore_await(&session->restore, topic_by_name(&session->topics, list->elems[i].topic),
                      partition);
    }
}

/* The first half of reading: all own topics, and nothing else until their ends are reached. */
static int read_ledgers(struct session *session, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(16);
    int r = add_ledgers(session, UINT32_MAX, list, err);

    if (r < 0)
        return r;
    await_ends(session, list);
    session->reads_inputs = false;
    log_info("restoring", "shards=0x%" PRIx32 " partitions=%zu", session->shards,
             session->restore.count);
    return assignment_set(session->consumer, list, err);
}

/* The second half: the inputs of the owned shards, and of the others the ledgers, to stay warm. */
static int read_inputs(struct session *session, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(16);
    int r = ledger_commit(session->ledger, clock_utc_ms(), err);

    if (r < 0)
        return r;
    assignment_add_inputs(session->config->participant, &session->topics, session->shards, list);
    if (list->cnt > 0)
        r = assignment_read_bookmarks(session->consumer, BOOKMARK_TIMEOUT_MS, list, err);
    for (int i = 0; r == 0 && i < list->cnt; i++)
        work_set_bookmark(session->work, topic_by_name(&session->topics, list->elems[i].topic),
                          list->elems[i].partition, list->elems[i].offset);
    if (r == 0)
        r = add_ledgers(session, ~session->shards, list, err);
    if (r == 0)
        r = assignment_set(session->consumer, list, err);
    if (r < 0)
        return r;
    session->reads_inputs = true;
    log_info(session->shards != 0 ? "owner" : "standby", "shards=0x%" PRIx32 " took_ms=%" PRId64,
             session->shards, clock_monotonic_ms() - session->owned_since_ms);
    return 0;
}

int session_own(struct session *session, struct error *err)
{
    int r;

    session->owns = false;
    session->owned_since_ms = clock_monotonic_ms();
    work_drop(session->work);
    r = check_topics(session, err);
    session->shards = elector_shards(session->elector);
    for (uint32_t shard = 0; r == 0 && shard < SHARDS_MAX; shard++)
        if ((session->shards >> shard & 1) != 0)
            r = own_shard(session, shard, err);
    if (r == 0)
        r = read_ledgers(session, err);
    session->owns = r == 0;
    return r;
}

/* While restoring, all that is read are own topics, and their ends are what is waited for. */
static int note_end(struct session *session, const rd_kafka_message_t *message, struct error *err)
{
    enum topic topic = topic_by_name(&session->topics, rd_kafka_topic_name(message->rkt));

    if (session->reads_inputs && participant_reads(session->config->participant, topic))
        work_reach_end(session->work, message);
    return restore_note_end(&session->restore, topic, message->partition)
               ? read_inputs(session, err)
               : 0;
}

static int take(struct session *session, const rd_kafka_message_t *message, struct error *err)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return note_end(session, message, err);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(message->err, rd_kafka_message_errstr(message), err);
    return work_take(session->work, message, err);
}

/*
 * Ends a batch. Who is behind needs no rest: what a new transaction waits for, it waits for while
 * the batch is being filled.
 */
static int commit(struct session *session, bool is_behind, struct error *err)
{
    bool has_output = work_has_output(session->work);
    int r = work_commit(session->work, session->elector, false, err);

    if (has_output)
        session->rest_until_ms = is_behind ? 0 : clock_monotonic_ms() + COMMIT_REST_MS;
    return r;
}

int session_work(struct session *session, struct error *err)
{
    int wait_ms = session->shards != 0 ? IDLE_POLL_MS : IDLE_POLL_STANDBY_MS;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(session->consumer, wait_ms);
    int64_t end_ms = clock_monotonic_ms() + BATCH_MS_MAX;
    bool goes_on = true;
    int r = 0;

    if (message != NULL)
        work_rest(session->work, session->rest_until_ms);
    for (unsigned count = 1; message != NULL && r == 0; count++) {
        r = take(session, message, err);
        rd_kafka_message_destroy(message);
        message = NULL;
        if (count % BATCH_CLOCK_RECORDS == 0)
            goes_on = clock_monotonic_ms() < end_ms;
        goes_on = goes_on && !work_is_full(session->work);
        if (r == 0 && goes_on)
            message = rd_kafka_consumer_poll(session->consumer, 0);
    }
    if (r == 0)
        r = commit(session, !goes_on, err);
    restore_tell(&session->restore, &session->topics);
    if (r == 0 && session->reads_inputs)
        work_measure_lag(session->work, session->consumer);
    return r;
}

int session_finish(struct session *session, struct error *err)
{
    return session->owns ? work_commit(session->work, session->elector, true, err) : 0;
}

enum runtime_role session_role(const struct session *session)
{
    if (!session->owns || !session->reads_inputs)
        return RUNTIME_RESTORING;
    return session->shards != 0 ? RUNTIME_OWNER : RUNTIME_STANDBY;
}

uint32_t session_shards(const struct session *session)
{
    return session->owns && session->reads_inputs ? session->shards : 0;
}

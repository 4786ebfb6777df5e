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
#include "common/kafka/reading.h"
#include "common/kafka/shard_set.h"
#include "common/kafka/work.h"

#define NAME_SIZE 256
#define DIRECTORY_SIZE 4096
/* All of these bound how long a stop may have to wait. */
#define DESCRIBE_TIMEOUT_MS 3000
#define CONFIRM_TIMEOUT_MS 1500
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
    struct reading reading;
    bool owns;             /* the last session_own() has succeeded, for `reading.shards` */
    int64_t rest_until_ms; /* monotonic: before another transaction; 0: no rest */
};

DEFINE_CLEANUP(session_cleanup, struct session, session_close)

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
    const struct topic_state *shards = topic_state(&session->topics, participant->shards);
    char group[GROUP_SIZE], instance[NAME_SIZE];
    const struct elector_config config = {
        .kafka = session->config->kafka,
        .group = reading_group(session->config, group),
        .instance = instance,
        .topic = shards->name,
        .shard_count = (uint32_t)shards->partition_count,
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
    r = reading_open_consumer(config, "read_committed", &session->consumer, err);
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
    session->reading = (struct reading){
        .config = config,
        .consumer = session->consumer,
        .topics = &session->topics,
        .ledger = session->ledger,
        .work = session->work,
    };
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
    reading_close_consumer(session->consumer);
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
    return elector_shards(session->elector) != session->reading.shards;
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
    char id[GROUP_SIZE + 16], group[GROUP_SIZE], source[NAME_SIZE];
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

    snprintf(id, sizeof(id), "%s-%" PRIu32, reading_group(session->config, group), shard);
    snprintf(source, sizeof(source), "order-saga/%s", participant->name);
    r = publisher_take_over(&config, &publisher, err);
    if (r == 0)
        work_own(session->work, shard, TAKE_PTR(publisher));
    return r;
}

int session_own(struct session *session, struct error *err)
{
    int r;

    session->owns = false;
    session->reading.since_ms = clock_monotonic_ms();
    work_drop(session->work);
    r = check_topics(session, err);
    session->reading.shards = elector_shards(session->elector);
    for (uint32_t shard = 0; r == 0 && shard < SHARDS_MAX; shard++)
        if (shard_set_has(session->reading.shards, shard))
            r = own_shard(session, shard, err);
    if (r == 0)
        r = reading_begin(&session->reading, err);
    session->owns = r == 0;
    return r;
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
    int wait_ms = session->reading.shards != 0 ? IDLE_POLL_MS : IDLE_POLL_STANDBY_MS;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(session->consumer, wait_ms);
    int64_t end_ms = clock_monotonic_ms() + BATCH_MS_MAX;
    bool goes_on = true;
    int r = 0;

    if (message != NULL)
        work_rest(session->work, session->rest_until_ms);
    for (unsigned count = 1; message != NULL && r == 0; count++) {
        r = reading_take(&session->reading, message, err);
        rd_kafka_message_destroy(message);
        message = NULL;
        if (count % BATCH_CLOCK_RECORDS == 0)
            goes_on = clock_monotonic_ms() < end_ms;
        goes_on = goes_on && !work_is_full(session->work);
        if (r == 0 && goes_on)
            message = rd_kafka_consumer_poll(session->consumer, 0);
    }
    if (r == 0)
        r = reading_restore(&session->reading, err);
    if (r == 0)
        r = commit(session, !goes_on, err);
    if (r == 0 && session->reading.reads_inputs) {
        work_measure_lag(session->work, session->consumer);
        r = work_check_visible(session->work, err);
    }
    return r;
}

int session_finish(struct session *session, struct error *err)
{
    return session->owns ? work_commit(session->work, session->elector, true, err) : 0;
}

enum runtime_role session_role(const struct session *session)
{
    if (!session->owns || !session->reading.reads_inputs)
        return RUNTIME_RESTORING;
    return session->reading.shards != 0 ? RUNTIME_OWNER : RUNTIME_STANDBY;
}

uint32_t session_shards(const struct session *session)
{
    return session->owns && session->reading.reads_inputs ? session->reading.shards : 0;
}

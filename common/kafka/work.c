/* work.c - see work.h. */
#include "common/kafka/work.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "common/event/codec.h"
#include "common/kafka/dead_letter.h"
#include "common/kafka/effect.h"
#include "common/kafka/record.h"
#include "common/kafka/shards.h"
#include "common/kafka/spans.h"
#include "common/kafka/work_log.h"

struct work {
    struct work_config config;
    struct codec *codec;
    size_t record_count; /* of this batch */
    bool decides[EVENT_TYPE_COUNT];
    enum topic ledgers[EVENT_TYPE_COUNT]; /* for each of these: where the own last event stands */
    bool learns[EVENT_TYPE_COUNT];
    bool is_ledger[TOPIC_COUNT];
    struct shards shards;
    struct spans *spans;                /* NULL: none are made */
    char traceparent[TRACEPARENT_SIZE]; /* of the input, and then of its span */
    struct event input;
    struct related_keys related;
    struct state state;
    struct decision decision;
};

DEFINE_CLEANUP(work_cleanup, struct work, work_free)

static void note_wanted_types(struct work *work)
{
    const struct participant *participant = work->config.participant;

    for (size_t i = 0; i < participant->subscription_count; i++) {
        work->decides[participant->subscriptions[i].type] = true;
        work->ledgers[participant->subscriptions[i].type] = participant->subscriptions[i].ledger;
    }
    for (size_t i = 0; i < participant->ledger_count; i++)
        work->is_ledger[participant->ledgers[i]] = true;
    for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
        work->learns[type] = work->is_ledger[event_topic(type)];
}

int work_new(const struct work_config *config, struct work **ret, struct error *err)
{
    CLEANUP(work_cleanup) struct work *work = calloc(1, sizeof(*work));
    int r;

    if (work == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    work->config = *config;
    r = codec_new(&work->codec, err);
    if (r == 0)
        r = spans_new(config->tracer, config->topics, &work->spans, err);
    if (r < 0)
        return r;
    shards_init(&work->shards, config->participant, config->topics, config->ledger);
    measures_shards(config->measures, work->shards.count);
    note_wanted_types(work);
    *ret = TAKE_PTR(work);
    return 0;
}

void work_free(struct work *work)
{
    if (work == NULL)
        return;
    shards_drop(&work->shards);
    codec_free(work->codec);
    spans_free(work->spans);
    free(work);
}

void work_own(struct work *work, uint32_t shard, struct publisher *publisher)
{
    shards_own(&work->shards, shard, publisher);
}

void work_set_bookmark(struct work *work, enum topic topic, int32_t partition, int64_t next,
                       bool is_saved)
{
    bookmarks_begin(&work->shards.bookmarks, topic, partition, next, is_saved);
}

uint32_t work_shard_of(const struct work *work, int32_t partition)
{
    return shards_number(&work->shards, partition);
}

/* What was refused elsewhere comes back through the replays, whatever it is. */
static struct record_place place_of(const struct work *work, enum topic topic)
{
    return (struct record_place){topic == work->config.participant->replays ? TOPIC_NONE : topic,
                                 topic_state(work->config.topics, topic)->partition_count};
}

/*
 * An own event that somebody else has published, or we before: it is the last of its key now. One
 * without a cause was decided by nobody, and no decision asks for it: the front door places orders.
 */
static int learn(struct work *work, const rd_kafka_message_t *record, enum topic topic,
                 struct error *err)
{
    const struct record_place place = place_of(work, topic);
    struct error why = {""};
    int r = 0;

    switch (record_read(work->codec, record, work->learns, &place, &work->input, &why)) {
    case RECORD_EVENT:
        if (work->input.causation_id[0] != '\0')
            r = ledger_put(work->config.ledger, &work->input, err);
        break;
    case RECORD_SKIPPED:
        break;
    case RECORD_REFUSED: /* not from us: nobody else may write here, but nobody can prevent it */
        log_foreign_record(record, why.text);
        break;
    }
    ledger_advance(work->config.ledger, topic, record->partition, record->offset + 1);
    return r;
}

/* `event`: what it says, if it is an event. */
static int send_dead_letter(struct work *work, const rd_kafka_message_t *record,
                            const struct event *event, const char *cause, struct error *err)
{
    const struct participant *participant = work->config.participant;
    struct shard *shard = shards_of(&work->shards, record->partition);
    const char *topic = topic_state(work->config.topics, participant->dead_letters)->name;

    log_dead_letter(record, event, work->traceparent, cause);
    spans_process(work->spans, record, event, "dead_letter", work->traceparent);
    shard->has_dead_letter = true;
    measures_dead_letter(work->config.measures,
                         topic_by_name(work->config.topics, rd_kafka_topic_name(record->rkt)));
    return publisher_send_record(shard->publisher, topic, record,
                                 dead_letter_headers(record, participant->name, cause), err);
}

/* Own last events: of the input's key, and of the keys that the participant names beside it. */
static int load_state(struct work *work, const struct input *in, struct error *err)
{
    const struct participant *participant = work->config.participant;
    struct state *state = &work->state;
    int r = ledger_get(work->config.ledger, work->ledgers[in->event->type], event_key(in->event),
                       &state->last, err);

    work->related.count = 0;
    state->related_count = 0;
    if (r == 0 && participant->relate != NULL)
        participant->relate(in, state->last, &work->related);
    for (size_t i = 0; r == 0 && i < work->related.count; i++, state->related_count++)
        r = ledger_get(work->config.ledger, participant->related_ledger, work->related.keys[i],
                       &state->related[i], err);
    return r;
}

static int publish_decision(struct work *work, const rd_kafka_message_t *record, struct error *err)
{
    struct publisher *publisher = shards_of(&work->shards, record->partition)->publisher;
    char traceparent[TRACEPARENT_SIZE];
    int r = 0;

    if (work->decision.event_count > 0)
        spans_process(work->spans, record, &work->input, NULL, work->traceparent);
    for (size_t i = 0; r == 0 && i < work->decision.event_count; i++) {
        struct event *event = &work->decision.events[i];

        effect_complete(event, &work->input, clock_utc_ms());
        spans_send(work->spans, event, work->traceparent, traceparent);
        r = publisher_send(publisher, work->codec, event,
                           topic_state(work->config.topics, event_topic(event->type))->name,
                           traceparent, err);
        if (r == 0)
            r = ledger_put(work->config.ledger, event, err);
        measures_event(work->config.measures, event, &work->input, work->config.ledger);
    }
    return r;
}

static int decide(struct work *work, const rd_kafka_message_t *record, struct error *err)
{
    const struct input in = {&work->input, record->offset};
    int r = load_state(work, &in, err);

    if (r < 0)
        return r;
    work->decision.impossible = NULL;
    work->decision.event_count = 0;
    work->config.participant->decide(work->config.settings, &in, &work->state, &work->decision);
    if (work->decision.impossible != NULL)
        return send_dead_letter(work, record, &work->input, work->decision.impossible, err);
    log_decision(&work->input, work->state.last, &work->decision, work->traceparent);
    return publish_decision(work, record, err);
}

/* Decides upon a record of an input topic, if it is one to decide upon. */
static int judge(struct work *work, const rd_kafka_message_t *record, enum topic topic,
                 struct error *err)
{
    const struct record_place place = place_of(work, topic);
    bool is_replay = place.topic == TOPIC_NONE;
    const char *cause = NULL;
    struct error why = {""};

    if (is_replay && dead_letter_is_mark(record))
        return 0;
    switch (record_read(work->codec, record, work->decides, &place, &work->input, &why)) {
    case RECORD_EVENT:
        cause = is_replay ? dead_letter_obstacle(&work->input, clock_utc_ms()) : NULL;
        break;
    case RECORD_SKIPPED:
        return 0;
    case RECORD_REFUSED:
        cause = why.text;
        break;
    }
    record_traceparent(record, work->traceparent);
    return cause != NULL ? send_dead_letter(work, record, NULL, cause, err)
                         : decide(work, record, err);
}

int work_take(struct work *work, const rd_kafka_message_t *record, struct error *err)
{
    enum topic topic = topic_by_name(work->config.topics, rd_kafka_topic_name(record->rkt));
    int r;

    assert(topic != TOPIC_NONE); /* nothing else was assigned */
    work->record_count++;
    if (work->is_ledger[topic])
        return learn(work, record, topic, err);
    if (shards_of(&work->shards, record->partition)->publisher == NULL)
        return 0; /* fetched before the shard went elsewhere: its owner reads it */
    r = judge(work, record, topic, err);
    bookmarks_move(&work->shards.bookmarks, topic, record);
    return r;
}

void work_reach_end(struct work *work, const rd_kafka_message_t *end)
{
    bookmarks_reach_end(&work->shards.bookmarks,
                        topic_by_name(work->config.topics, rd_kafka_topic_name(end->rkt)),
                        end->partition, end->offset);
}

void work_measure_lag(struct work *work, rd_kafka_t *consumer)
{
    measures_lag(work->config.measures, &work->shards.bookmarks, consumer, work->config.topics);
}

bool work_has_output(const struct work *work)
{
    return shards_have_output(&work->shards);
}

void work_rest(struct work *work, int64_t until_ms)
{
    shards_rest(&work->shards, until_ms);
}

bool work_is_full(const struct work *work)
{
    return work->record_count >= BATCH_RECORDS_MAX || ledger_is_full(work->config.ledger);
}

int work_settle(struct work *work, enum topic topic, int32_t partition, struct error *err)
{
    log_warn("settling", "topic=%s partition=%" PRId32,
             topic_state(work->config.topics, topic)->name, partition);
    return publisher_settle(shards_of(&work->shards, partition)->publisher, topic, partition, err);
}

int work_check_visible(struct work *work, struct error *err)
{
    return shards_check_visible(&work->shards, err);
}

int work_commit(struct work *work, struct elector *elector, bool last, struct error *err)
{
    int64_t start_ms = clock_monotonic_ms();
    int r = shards_commit(&work->shards, elector, last, err);
    bool is_committed = r == 0 || r == -EAGAIN;

    measures_batch(work->config.measures, is_committed);
    if (is_committed) {
        int cached = ledger_commit(work->config.ledger, clock_utc_ms(), err);

        r = cached < 0 ? cached : r;
        spans_commit(work->spans);
    }
    if (work->record_count > 0)
        log_debug("batch", "records=%zu commit_ms=%" PRId64, work->record_count,
                  clock_monotonic_ms() - start_ms);
    work->record_count = 0;
    return r;
}

void work_drop(struct work *work)
{
    shards_drop(&work->shards);
    work->record_count = 0;
    measures_batch(work->config.measures, false);
    spans_drop(work->spans);
    ledger_drop(work->config.ledger);
}

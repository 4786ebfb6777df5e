/* measures.c - see measures.h. */
#include "common/kafka/measures.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/kafka/assignment.h"

#define US_PER_MS 1000
/* How old the lag may be that others are told of. */
#define LAG_EVERY_MS 500

enum row {
    ROW_SHARDS,
    ROW_LAG_RECORDS,
    ROW_LAG_SECONDS,
    ROW_STEP_DURATION,
    ROW_DEAD_LETTERS,
    ROW_TRANSACTIONS,
    ROW_TRANSACTION_RECORDS,
    ROW_COMMIT_DURATION,
    ROW_PRODUCERS_CREATED,
    ROW_ORDERS,
    ROW_SAGA_DURATION,
    ROW_COUNT,
    ROW_COUNT_PARTICIPANT = ROW_ORDERS, /* the rest is the order service's */
};

static const int64_t batch_sizes[] = {0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};

/* Up to the deadline, by default. */
static const int64_t saga_durations_us[] = {10000,    25000,    50000,     100000,   250000,
                                            500000,   1000000,  2500000,   5000000,  10000000,
                                            30000000, 60000000, 300000000, 900000000};

static const struct metric_info rows[ROW_COUNT] = {
    [ROW_SHARDS] = {.name = "saga_shards",
                    .help = "Shards that the service has, whoever owns them.",
                    .type = METRIC_GAUGE},
    [ROW_LAG_RECORDS] = {.name = "saga_consumer_lag_records",
                         .help = "Offsets of the input topic that are not worked on, over the "
                                 "partitions owned here; with uncommitted records.",
                         .type = METRIC_GAUGE,
                         .labels = {"topic"},
                         .series_max = TOPIC_COUNT},
    [ROW_LAG_SECONDS] = {.name = "saga_consumer_lag_seconds",
                         .help = "Age of the oldest record of the input topic that is not worked "
                                 "on, over the partitions owned here.",
                         .type = METRIC_GAUGE,
                         .unit = METRIC_SECONDS,
                         .labels = {"topic"},
                         .series_max = TOPIC_COUNT},
    [ROW_STEP_DURATION] = {.name = "saga_step_duration_seconds",
                           .help = "From an input event to the event published upon it, by the "
                                   "time stamps of both.",
                           .type = METRIC_HISTOGRAM,
                           .unit = METRIC_SECONDS,
                           .labels = {"event"},
                           .series_max = EVENT_TYPE_COUNT,
                           .bounds = metric_durations_us,
                           .bound_count = METRIC_DURATION_COUNT},
    [ROW_DEAD_LETTERS] = {.name = "saga_dead_letters_total",
                          .help = "Records refused to the dead letters, by where they came from.",
                          .type = METRIC_COUNTER,
                          .labels = {"topic"},
                          .series_max = TOPIC_COUNT},
    [ROW_TRANSACTIONS] = {.name = "saga_transactions_total",
                          .help = "Transactions by their end. Aborted: or the answer was lost.",
                          .type = METRIC_COUNTER,
                          .labels = {"result"},
                          .series_max = 2},
    [ROW_TRANSACTION_RECORDS] = {.name = "saga_transaction_records",
                                 .help = "Records of a committed transaction; 0: only offsets.",
                                 .type = METRIC_HISTOGRAM,
                                 .bounds = batch_sizes,
                                 .bound_count = ARRAY_LEN(batch_sizes)},
    [ROW_COMMIT_DURATION] = {.name = "saga_transaction_commit_duration_seconds",
                             .help = "How long committing took, sending what was left included.",
                             .type = METRIC_HISTOGRAM,
                             .unit = METRIC_SECONDS,
                             .bounds = metric_durations_us,
                             .bound_count = METRIC_DURATION_COUNT},
    [ROW_PRODUCERS_CREATED] = {.name = "saga_producers_created_total",
                               .help = "Transactional producers: the first of a shard, and those "
                                       "that replace one in doubt.",
                               .type = METRIC_COUNTER},
    [ROW_ORDERS] = {.name = "saga_orders_total",
                    .help = "Orders that have ended, by how and why.",
                    .type = METRIC_COUNTER,
                    .labels = {"outcome", "reason"},
                    .series_max = 16},
    [ROW_SAGA_DURATION] = {.name = "saga_duration_seconds",
                           .help = "From placing an order to its end. Without orders that had an "
                                   "idempotency key and were asked to be cancelled.",
                           .type = METRIC_HISTOGRAM,
                           .unit = METRIC_SECONDS,
                           .labels = {"outcome"},
                           .series_max = 2,
                           .bounds = saga_durations_us,
                           .bound_count = ARRAY_LEN(saga_durations_us)},
};

enum outcome { COMPLETED, CANCELLED, OUTCOME_COUNT };
static const char *const outcomes[OUTCOME_COUNT] = {"completed", "cancelled"};

/* As types.json has them; a customer may give any other text, which is nobody's label. */
static const char *const reasons[] = {"payment_declined", "out_of_stock",     "unknown_product",
                                      "shipment_refused", "customer_request", "deadline_passed",
                                      METRIC_OTHER};

struct measures {
    struct metric_series *shards;
    struct metric_series *lag_records[TOPIC_COUNT], *lag_seconds[TOPIC_COUNT];
    _Atomic int64_t oldest_ms[TOPIC_COUNT]; /* 0: there is no lag */
    int64_t looked_ms;                      /* monotonic: when the lag was looked at */
    struct metric_series *step_duration[EVENT_TYPE_COUNT];
    struct metric_series *dead_letters[TOPIC_COUNT];
    struct metric_series *committed, *aborted, *commit_duration, *transaction_records;
    struct metric_series *producers_created;
    struct metric_series *completed, *cancelled[ARRAY_LEN(reasons)];
    struct metric_series *saga_duration[OUTCOME_COUNT];

    /* Not known to be committed yet. */
    struct metric_tally open_steps[EVENT_TYPE_COUNT], open_sagas[OUTCOME_COUNT];
    int64_t open_dead_letters[TOPIC_COUNT];
    int64_t open_completed, open_cancelled[ARRAY_LEN(reasons)];
};

static struct metric_series *labelled(struct metric *metric, const char *value)
{
    return metric_series(metric, (const char *const[]){value});
}

/* It grows by itself, also while the runtime's thread does nothing at all. */
static void collect_lag(void *context)
{
    struct measures *measures = context;
    int64_t now_ms = clock_utc_ms();

    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        int64_t oldest_ms = atomic_load_explicit(&measures->oldest_ms[topic], memory_order_relaxed);
        int64_t lag_ms = oldest_ms > 0 && now_ms > oldest_ms ? now_ms - oldest_ms : 0;

        metric_set(measures->lag_seconds[topic], lag_ms * US_PER_MS);
    }
}

static bool is_own(const struct participant *participant, enum topic topic)
{
    for (size_t i = 0; i < participant->ledger_count; i++)
        if (participant->ledgers[i] == topic)
            return true;
    return false;
}

/* All that may be counted later is there from the start, as 0. */
static void find_series(struct measures *measures, const struct participant *participant,
                        struct metric *found[ROW_COUNT])
{
    measures->shards = metric_series(found[ROW_SHARDS], NULL);
    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        const char *name = topic_info(topic)->name;

        if (!participant_reads(participant, topic))
            continue;
        measures->lag_records[topic] = labelled(found[ROW_LAG_RECORDS], name);
        measures->lag_seconds[topic] = labelled(found[ROW_LAG_SECONDS], name);
        measures->dead_letters[topic] = labelled(found[ROW_DEAD_LETTERS], name);
    }
    for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
        if (is_own(participant, event_topic(type)))
            measures->step_duration[type] =
                labelled(found[ROW_STEP_DURATION], event_type_name(type));
    measures->committed = labelled(found[ROW_TRANSACTIONS], "committed");
    measures->aborted = labelled(found[ROW_TRANSACTIONS], "aborted");
    measures->transaction_records = metric_series(found[ROW_TRANSACTION_RECORDS], NULL);
    measures->commit_duration = metric_series(found[ROW_COMMIT_DURATION], NULL);
    measures->producers_created = metric_series(found[ROW_PRODUCERS_CREATED], NULL);
}

static void find_outcomes(struct measures *measures, struct metric *found[ROW_COUNT])
{
    measures->completed =
        metric_series(found[ROW_ORDERS], (const char *const[]){outcomes[COMPLETED], ""});
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        measures->cancelled[i] = metric_series(
            found[ROW_ORDERS], (const char *const[]){outcomes[CANCELLED], reasons[i]});
    for (size_t i = 0; i < OUTCOME_COUNT; i++)
        measures->saga_duration[i] = labelled(found[ROW_SAGA_DURATION], outcomes[i]);
}

int measures_new(struct metrics *metrics, const struct participant *participant,
                 struct measures **ret, struct error *err)
{
    struct measures *measures = calloc(1, sizeof(*measures));
    bool ends_orders = is_own(participant, event_topic(EVENT_ORDER_COMPLETED));
    struct metric *found[ROW_COUNT];

    if (measures == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    metrics_add(metrics, rows, ends_orders ? ROW_COUNT : ROW_COUNT_PARTICIPANT, found);
    find_series(measures, participant, found);
    if (ends_orders)
        find_outcomes(measures, found);
    metrics_collect(metrics, collect_lag, measures);
    *ret = measures;
    return 0;
}

void measures_free(struct measures *measures)
{
    free(measures);
}

void measures_shards(struct measures *measures, uint32_t count)
{
    if (measures != NULL)
        metric_set(measures->shards, count);
}

/* --- transactions ----------------------------------------------------------------------------- */

void measures_producer_created(struct measures *measures)
{
    if (measures != NULL)
        metric_add(measures->producers_created, 1);
}

void measures_committed(struct measures *measures, size_t record_count, int64_t took_us)
{
    if (measures == NULL)
        return;
    metric_add(measures->committed, 1);
    metric_observe(measures->transaction_records, (int64_t)record_count);
    metric_observe(measures->commit_duration, took_us);
}

void measures_aborted(struct measures *measures)
{
    if (measures != NULL)
        metric_add(measures->aborted, 1);
}

/* --- one batch -------------------------------------------------------------------------------- */

static bool is_outcome(const struct event *event)
{
    return event->type == EVENT_ORDER_COMPLETED || event->type == EVENT_ORDER_CANCELLED;
}

/* Clocks of two machines may differ. */
static int64_t elapsed_us(int64_t from_ms, int64_t to_ms)
{
    return to_ms > from_ms ? (to_ms - from_ms) * US_PER_MS : 0;
}

static size_t reason_index(const char *reason)
{
    size_t i = 0;

    while (i < ARRAY_LEN(reasons) - 1 && !str_equal(reasons[i], reason))
        i++;
    return i;
}

/* -1: unknown. An order with a key has an id that does not tell. */
static int64_t placed_ms(const struct event *event, struct ledger *ledger)
{
    const struct event *placed;

    if (uuid_v7_ms(event_key(event)) >= 0)
        return uuid_v7_ms(event_key(event));
    if (ledger_get(ledger, TOPIC_ORDERS, event_key(event), &placed, NULL) < 0 ||
        placed->type != EVENT_ORDER_PLACED)
        return -1; /* a ledger that is broken is found out by the next one who needs it */
    return placed->timestamp_ms;
}

static void note_outcome(struct measures *measures, const struct event *event, int64_t begun_ms)
{
    enum outcome outcome = event->type == EVENT_ORDER_COMPLETED ? COMPLETED : CANCELLED;

    if (outcome == COMPLETED)
        measures->open_completed++;
    else
        measures->open_cancelled[reason_index(event_text(event, "reason"))]++;
    if (begun_ms >= 0)
        metric_tally_observe(&measures->open_sagas[outcome], &rows[ROW_SAGA_DURATION],
                             elapsed_us(begun_ms, event->timestamp_ms));
}

void measures_event(struct measures *measures, const struct event *event, const struct event *cause,
                    struct ledger *ledger)
{
    if (measures == NULL)
        return;
    metric_tally_observe(&measures->open_steps[event->type], &rows[ROW_STEP_DURATION],
                         elapsed_us(cause->timestamp_ms, event->timestamp_ms));
    if (is_outcome(event))
        note_outcome(measures, event, placed_ms(event, ledger));
}

void measures_dead_letter(struct measures *measures, enum topic topic)
{
    if (measures != NULL)
        measures->open_dead_letters[topic]++;
}

static void close_batch(struct measures *measures)
{
    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
        if (measures->open_steps[i].count > 0)
            metric_tally_merge(&measures->open_steps[i], measures->step_duration[i]);
    for (size_t i = 0; i < OUTCOME_COUNT; i++)
        metric_tally_merge(&measures->open_sagas[i], measures->saga_duration[i]);
    for (size_t i = 0; i < TOPIC_COUNT; i++)
        metric_add(measures->dead_letters[i], measures->open_dead_letters[i]);
    metric_add(measures->completed, measures->open_completed);
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        metric_add(measures->cancelled[i], measures->open_cancelled[i]);
}

static void forget_batch(struct measures *measures)
{
    memset(measures->open_steps, 0, sizeof(measures->open_steps));
    memset(measures->open_sagas, 0, sizeof(measures->open_sagas));
    memset(measures->open_dead_letters, 0, sizeof(measures->open_dead_letters));
    measures->open_completed = 0;
    memset(measures->open_cancelled, 0, sizeof(measures->open_cancelled));
}

void measures_batch(struct measures *measures, bool is_committed)
{
    if (measures == NULL)
        return;
    if (is_committed)
        close_batch(measures);
    forget_batch(measures);
}

/* --- lag -------------------------------------------------------------------------------------- */

void measures_lag(struct measures *measures, struct bookmarks *bookmarks, rd_kafka_t *consumer,
                  const struct topics *topics)
{
    int64_t now_ms = clock_monotonic_ms();

    if (measures == NULL || now_ms - measures->looked_ms < LAG_EVERY_MS)
        return;
    measures->looked_ms = now_ms;
    for (size_t i = 0; i < topics->count; i++) {
        const struct topic_state *topic = &topics->list[i];
        struct lag lag;

        if (measures->lag_records[topic->topic] == NULL)
            continue;
        lag = bookmarks_lag(bookmarks, consumer, topic, clock_utc_ms());
        metric_set(measures->lag_records[topic->topic], lag.records);
        atomic_store_explicit(&measures->oldest_ms[topic->topic], lag.oldest_ms,
                              memory_order_relaxed);
    }
}

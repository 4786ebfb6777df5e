/* order_metrics.c - see order_metrics.h. */
#include "services/order/front_door/order_metrics.h"

#include "common/base/util.h"

enum row { ROW_QUEUED, ROW_PUBLICATIONS, ROW_READERS, ROW_COUNT };

static const struct metric_info rows[ROW_COUNT] = {
    [ROW_QUEUED] = {.name = "saga_order_queue_records",
                    .help = "Orders and requests on their way to the broker.",
                    .type = METRIC_GAUGE},
    [ROW_PUBLICATIONS] = {.name = "saga_order_publications_total",
                          .help = "Orders and requests written to the broker, and those that may "
                                  "not have been.",
                          .type = METRIC_COUNTER,
                          .labels = {"result"},
                          .series_max = 2},
    [ROW_READERS] = {.name = "saga_stream_readers",
                     .help = "Clients that read a stream of events.",
                     .type = METRIC_GAUGE},
};

static void collect(void *context)
{
    struct order_metrics *metrics = context;

    metric_set(metrics->queued, (int64_t)order_publisher_queued(metrics->publisher));
    metric_set(metrics->readers, (int64_t)order_streams_count(metrics->streams));
}

void order_metrics_init(struct order_metrics *ret, struct metrics *metrics,
                        struct order_publisher *publisher, struct order_streams *streams)
{
    struct metric *found[ROW_COUNT];

    metrics_add(metrics, rows, ARRAY_LEN(rows), found);
    ret->publisher = publisher;
    ret->streams = streams;
    ret->queued = metric_series(found[ROW_QUEUED], NULL);
    ret->readers = metric_series(found[ROW_READERS], NULL);
    ret->confirmed = metric_series(found[ROW_PUBLICATIONS], (const char *const[]){"confirmed"});
    ret->failed = metric_series(found[ROW_PUBLICATIONS], (const char *const[]){"failed"});
    metrics_collect(metrics, collect, ret);
}

void order_metrics_settle(struct order_metrics *metrics, const struct publication *publication)
{
    metric_add(publication->is_confirmed ? metrics->confirmed : metrics->failed, 1);
}

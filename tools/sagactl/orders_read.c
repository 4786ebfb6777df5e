/* orders_read.c - see orders_read.h. */
#include "tools/sagactl/orders_read.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"

struct reading {
    struct codec *codec;
    struct orders *orders; /* borrowed */
    int64_t now_ms;
    struct event event; /* the one being looked at */
};

static bool is_expired(const struct log_record *record, int64_t now_ms)
{
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(record->message, &type);
    int64_t retention_ms = topic_info(record->topic)->retention_ms;

    return type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && retention_ms >= 0 &&
           timestamp_ms < now_ms - retention_ms;
}

static int take_any(void *context, const struct log_record *record, struct error *err)
{
    struct reading *reading = context;
    const rd_kafka_message_t *message = record->message;

    if (is_expired(record, reading->now_ms) ||
        !log_record_event(record, reading->codec, &reading->event))
        return 0;
    event_clear_list(&reading->event);
    return orders_add(reading->orders, message->partition, message->offset, &reading->event, err);
}

int orders_read_all(struct cluster *cluster, struct orders *ret, struct error *err)
{
    CLEANUP(codec_cleanup) struct codec *codec = NULL;
    int r = codec_new(&codec, err);
    struct reading reading = {.codec = codec, .orders = ret, .now_ms = clock_utc_ms()};
    enum topic topics[TOPIC_COUNT];
    const struct log_request request = {
        .topics = topics,
        .topic_count = log_order_topics(topics),
        .on_record = take_any,
        .context = &reading,
    };

    return r == 0 ? log_read(cluster, &request, err) : r;
}

/* Almost every record is another order's; its key says so at the least cost. */
int order_filter_take(void *context, const struct log_record *record, struct error *err)
{
    struct order_filter *filter = context;
    const rd_kafka_message_t *message = record->message;

    if (message->key_len != strlen(filter->order_id) ||
        memcmp(message->key, filter->order_id, message->key_len) != 0 ||
        !log_record_event(record, filter->codec, &filter->event))
        return 0;
    return orders_add(filter->orders, message->partition, message->offset, &filter->event, err);
}

int orders_read_one(struct cluster *cluster, const char *order_id, struct orders *ret,
                    struct error *err)
{
    CLEANUP(codec_cleanup) struct codec *codec = NULL;
    int r = codec_new(&codec, err);
    struct order_filter filter = {.order_id = order_id, .codec = codec, .orders = ret};
    enum topic topics[TOPIC_COUNT];
    const struct log_request request = {
        .topics = topics,
        .topic_count = log_order_topics(topics),
        .key = order_id,
        .on_record = order_filter_take,
        .context = &filter,
    };

    return r == 0 ? log_read(cluster, &request, err) : r;
}

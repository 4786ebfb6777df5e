/*
 * order_publisher.c - see order_publisher.h. The library's producer is replaced, and what was in it
 * has failed, after a fatal error (a lost sequence number), and when a record's time is up. For the
 * library must not give up a record by itself: it would then begin a new epoch and number what is
 * left anew, also what was sent before and lacks only its answer. The broker would write it twice.
 */
#include "services/order/front_door/order_publisher.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/util.h"
#include "common/kafka/record.h"
#include "common/kafka/spans.h"
#include "common/kafka/topics.h"
#include "services/order/front_door/sendings.h"

#define TICK_MS 100
/* Of the library: never reached. The thread below may be late by seconds without a broker. */
#define MESSAGE_TIMEOUT_MS 40000
/* What a producer that is replaced may still hear from brokers that are well. */
#define LAST_ANSWERS_MS 200
#define METADATA_MS 1000
/* Until what was dropped is reported: no broker is asked for it. */
#define REPORTS_MS_MAX 1000
#define TROUBLE_SIZE 256
#define SOURCE "order-saga/order"
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

static const struct kafka_option options[] = {
    {"message.timeout.ms", TEXT(MESSAGE_TIMEOUT_MS)},
    {"linger.ms", "1"}, /* what comes together goes together; the client hardly notices */
    {"queue.buffering.max.messages", "10000"},
    {"queue.buffering.max.kbytes", "16384"},
};

/* Those that are written to. */
static const enum topic topics[] = {TOPIC_ORDERS, TOPIC_ORDER_REQUESTS};

struct order_publisher {
    struct order_publisher_config config;
    pthread_t thread;
    atomic_bool stopping;
    pthread_rwlock_t lock; /* reading: the producer is used; writing: it is replaced */
    rd_kafka_t *producer;
    bool knows_topics; /* the thread's own */
    struct sendings sendings;
};

/* Records are only ever dropped by ourselves. */
static const char *failure_text(rd_kafka_resp_err_t code)
{
    bool is_dropped =
        code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;

    return is_dropped ? "no broker has confirmed it in time" : rd_kafka_err2str(code);
}

/* The key of every record here is an order id, and the library hands it back. */
static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *context)
{
    struct order_publisher *publisher = context;
    bool is_confirmed = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    struct publication publication = {
        .ticket = sending_end(&publisher->sendings, message->_private),
        .is_confirmed = is_confirmed,
        .may_exist = rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED,
        .reason = is_confirmed ? NULL : failure_text(message->err)};

    (void)client;
    assert(message->key_len == UUID_SIZE - 1);
    memcpy(publication.order_id, message->key, UUID_SIZE - 1);
    publisher->config.on_settled(publisher->config.context, &publication);
}

static int producer_new(struct order_publisher *publisher, rd_kafka_t **ret, struct error *err)
{
    rd_kafka_conf_t *conf;
    int r = kafka_conf_new(publisher->config.kafka, KAFKA_PRODUCER, options, ARRAY_LEN(options),
                           &conf, err);

    if (r < 0)
        return r;
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, publisher);
    return kafka_client_new(conf, KAFKA_PRODUCER, ret, err);
}

/* Whatever is still in it is reported as failed. */
static void producer_free(rd_kafka_t *producer, int timeout_ms)
{
    rd_kafka_flush(producer, timeout_ms);
    rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(producer, REPORTS_MS_MAX);
    rd_kafka_destroy(producer);
}

static bool is_of_no_use(struct order_publisher *publisher, char text[TROUBLE_SIZE])
{
    if (rd_kafka_fatal_error(publisher->producer, text, TROUBLE_SIZE) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    str_copy(text, TROUBLE_SIZE, "a record was not confirmed in time");
    return sendings_oldest_ms(&publisher->sendings) >= PUBLISH_MS_MAX;
}

static void replace_if_broken(struct order_publisher *publisher)
{
    rd_kafka_t *fresh, *broken = publisher->producer;
    struct error err;
    char text[TROUBLE_SIZE];

    if (!is_of_no_use(publisher, text))
        return;
    log_warn("order_producer_broken", "reason=%s fate=replace", LOG_TEXT(text));
    if (producer_new(publisher, &fresh, &err) < 0) {
        log_error("order_producer_broken", "reason=%s fate=retry", LOG_TEXT(err.text));
        return;
    }
    pthread_rwlock_wrlock(&publisher->lock);
    publisher->producer = fresh;
    pthread_rwlock_unlock(&publisher->lock);
    publisher->knows_topics = false;
    producer_free(broken, LAST_ANSWERS_MS);
}

static bool knows_topic(struct order_publisher *publisher, enum topic which)
{
    const struct rd_kafka_metadata *metadata;
    char name[TOPIC_NAME_SIZE];
    rd_kafka_topic_t *topic;
    bool known = false;

    topic_name(publisher->config.kafka->topic_prefix, which, name);
    topic = rd_kafka_topic_new(publisher->producer, name, NULL);
    if (topic == NULL)
        return false;
    if (rd_kafka_metadata(publisher->producer, 0, topic, &metadata, METADATA_MS) ==
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        known = metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
    return known;
}

/* A producer that meets a topic for the first time may need a second for it: not in a request. */
static void get_to_know_topics(struct order_publisher *publisher)
{
    publisher->knows_topics = true;
    for (size_t i = 0; i < ARRAY_LEN(topics) && publisher->knows_topics; i++)
        publisher->knows_topics = knows_topic(publisher, topics[i]);
}

static void *run(void *context)
{
    struct order_publisher *publisher = context;

    while (!publisher->stopping) {
        rd_kafka_poll(publisher->producer, TICK_MS);
        publisher->config.on_tick(publisher->config.context);
        if (!publisher->knows_topics)
            get_to_know_topics(publisher);
        replace_if_broken(publisher);
    }
    return NULL;
}

static void parts_done(struct order_publisher *publisher)
{
    pthread_rwlock_destroy(&publisher->lock);
    sendings_done(&publisher->sendings);
}

int order_publisher_new(const struct order_publisher_config *config, struct order_publisher **ret,
                        struct error *err)
{
    struct order_publisher *publisher = calloc(1, sizeof(*publisher));
    int r;

    if (publisher == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    publisher->config = *config;
    r = producer_new(publisher, &publisher->producer, err);
    if (r < 0) {
        free(publisher);
        return r;
    }
    pthread_rwlock_init(&publisher->lock, NULL);
    sendings_init(&publisher->sendings);
    r = pthread_create(&publisher->thread, NULL, run, publisher);
    if (r != 0) {
        rd_kafka_destroy(publisher->producer);
        parts_done(publisher);
        free(publisher);
        return error_set(err, -EIO, "cannot start a thread: %s", strerror(r));
    }
    *ret = publisher;
    return 0;
}

void order_publisher_free(struct order_publisher *publisher, int timeout_ms)
{
    if (publisher == NULL)
        return;
    publisher->stopping = true;
    pthread_join(publisher->thread, NULL);
    producer_free(publisher->producer, timeout_ms);
    parts_done(publisher);
    free(publisher);
}

size_t order_publisher_queued(struct order_publisher *publisher)
{
    int count;

    pthread_rwlock_rdlock(&publisher->lock);
    count = rd_kafka_outq_len(publisher->producer);
    pthread_rwlock_unlock(&publisher->lock);
    return count > 0 ? (size_t)count : 0;
}

int order_publisher_send(struct order_publisher *publisher, struct codec *codec,
                         const struct event *event, const char *traceparent, uint64_t ticket,
                         struct error *err)
{
    char topic[TOPIC_NAME_SIZE], header[TRACEPARENT_SIZE];
    struct tracer *tracer = publisher->config.tracer;
    struct span span;
    struct sending *sending = sending_begin(&publisher->sendings, ticket);
    bool has_span;
    int r;

    if (sending == NULL)
        return error_set(err, -ENOBUFS, "out of memory");
    has_span = span_begin_send(tracer, event, traceparent, header, &span);
    topic_name(publisher->config.kafka->topic_prefix, event_topic(event->type), topic);
    pthread_rwlock_rdlock(&publisher->lock);
    r = record_send(publisher->producer, codec, event, topic, SOURCE, header, sending, err);
    pthread_rwlock_unlock(&publisher->lock);
    if (r < 0)
        sending_end(&publisher->sendings, sending);
    if (has_span) {
        span.error = r < 0 ? "not_sent" : NULL;
        tracer_end(tracer, &span); /* whether the broker has it, the request's span says */
    }
    return r;
}

/*
 * stock_receive.c - `sagactl stock receive`: reports goods that came in. All receipts of a call are
 * checked before the first is sent. A receipt has a new id each time: sent again, it counts twice.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/event/codec.h"
#include "common/kafka/record.h"
#include "common/kafka/topics.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/cluster.h"

#define SOURCE_SIZE 64
/* The producer gives up by itself before; see cluster_open_producer(). */
#define FLUSH_TIMEOUT_MS (CLUSTER_TIMEOUT_MS + 5000)
/* Digits of a number that is within any bound of the schemas. */
#define QUANTITY_DIGITS_MAX 18

enum delivery {
    DELIVERY_NONE = 0, /* not reported */
    DELIVERY_DONE,
    DELIVERY_FAILED,  /* certainly not written */
    DELIVERY_UNKNOWN, /* sent, but not confirmed */
};

struct receipt {
    struct event event;
    enum delivery delivery;
    rd_kafka_resp_err_t code;
    int64_t offset;
};

struct receipts {
    size_t count;
    struct receipt *list;
    struct codec *codec;
    struct cluster cluster;
    char topic[TOPIC_NAME_SIZE];
    rd_kafka_topic_t *handle;
};

/* Digits only: strtoll() alone would take " 7", "+7" and "7 " for a quantity. */
static int parse_quantity(const char *text, int64_t *ret, struct error *err)
{
    size_t len = strlen(text);

    if (len == 0 || len > QUANTITY_DIGITS_MAX || strspn(text, "0123456789") != len)
        return error_set(err, -EINVAL,
                         "'%s' is no quantity: it must be a whole number from 1 to "
                         "%" PRId64,
                         text, RECEIVED_QUANTITY_MAX);
    *ret = strtoll(text, NULL, 10);
    return 0;
}

static int fill_receipt(const char *product, const char *quantity, struct event *event,
                        struct error *err)
{
    struct stock_received *data = &event->data.stock_received;

    event->type = EVENT_STOCK_RECEIVED;
    event->timestamp_ms = clock_utc_ms();
    event->schema_version = EVENT_SCHEMA_VERSION;
    uuid_v7(event->timestamp_ms, event->event_id);
    str_copy(event->correlation_id, sizeof(event->correlation_id), event->event_id);
    if (strlen(product) >= sizeof(data->product_id))
        return error_set(err, -EINVAL, "'%s' is no product id: more than %zu characters", product,
                         sizeof(data->product_id) - 1);
    str_copy(data->product_id, sizeof(data->product_id), product);
    return parse_quantity(quantity, &data->quantity, err);
}

/* The schema decides what a receipt may hold; its line begins with the member at fault. */
static int read_receipts(const struct invocation *in, struct receipts *receipts, struct error *err)
{
    const char *json;
    size_t len;

    for (size_t i = 0; i < receipts->count; i++) {
        char **pair = in->arguments + 2 * i;
        struct event *event = &receipts->list[i].event;
        int r = fill_receipt(pair[0], pair[1], event, err);

        if (r == 0)
            r = event_encode(receipts->codec, event, &json, &len, err);
        if (r < 0)
            return error_prefix(err, r, "'%s' %s", pair[0], pair[1]);
    }
    return 0;
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct receipt *receipt = message->_private;

    (void)client, (void)opaque;
    receipt->code = message->err;
    receipt->offset = message->offset;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        receipt->delivery = DELIVERY_DONE;
    else if (rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
        receipt->delivery = DELIVERY_FAILED;
    else
        receipt->delivery = DELIVERY_UNKNOWN;
}

/*
 * Before 2.10.1 librdkafka may take a second to find the leader of a topic that it first hears of
 * when a record is produced. Asked for beforehand, it is known.
 */
static int warm_up(struct receipts *receipts, struct error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_t *client = receipts->cluster.client;
    rd_kafka_resp_err_t code;

    receipts->handle = rd_kafka_topic_new(client, receipts->topic, NULL);
    if (receipts->handle == NULL)
        return kafka_error(rd_kafka_last_error(), receipts->topic, err);
    code = rd_kafka_metadata(client, 0, receipts->handle, &metadata, CLUSTER_TIMEOUT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(code, receipts->topic, err);
    rd_kafka_metadata_destroy(metadata);
    return 0;
}

/* That the topic is there is checked first: a producer would wait for it, or create a wrong one. */
static int find_topic(const struct invocation *in, struct receipts *receipts, struct error *err)
{
    static const enum topic wanted[] = {TOPIC_STOCK_RECEIPTS};
    const char *prefix = in->settings->topic_prefix;
    struct topics topics;
    int r = topics_describe(receipts->cluster.client, prefix, wanted, ARRAY_LEN(wanted),
                            CLUSTER_TIMEOUT_MS, &topics, err);

    topic_name(prefix, TOPIC_STOCK_RECEIPTS, receipts->topic);
    if (r == 0)
        r = warm_up(receipts, err);
    return r == -ETIMEDOUT ? cluster_no_answer(&receipts->cluster, err) : r;
}

static int send_receipts(struct receipts *receipts, struct error *err)
{
    char source[SOURCE_SIZE];
    int r = 0;

    snprintf(source, sizeof(source), "order-saga/%s", topic_info(TOPIC_STOCK_RECEIPTS)->writer);
    for (size_t i = 0; r == 0 && i < receipts->count; i++) {
        struct receipt *receipt = &receipts->list[i];

        r = record_send(receipts->cluster.client, receipts->codec, &receipt->event, receipts->topic,
                        source, NULL, receipt, err);
    }
    /* What was sent before a failure may arrive, so its reports are waited for all the same. */
    rd_kafka_flush(receipts->cluster.client, FLUSH_TIMEOUT_MS);
    return r;
}

static int print_receipt(const struct receipts *receipts, const struct receipt *receipt,
                         struct error *err)
{
    const struct stock_received *data = &receipt->event.data.stock_received;

    switch (receipt->delivery) {
    case DELIVERY_DONE:
        printf("received %" PRId64 " x %s: event %s, offset %" PRId64 " of %s\n", data->quantity,
               data->product_id, receipt->event.event_id, receipt->offset, receipts->topic);
        return 0;
    case DELIVERY_FAILED:
        return error_set(err, -EIO, "%s %" PRId64 " was not written: %s", data->product_id,
                         data->quantity, rd_kafka_err2str(receipt->code));
    case DELIVERY_NONE:
    case DELIVERY_UNKNOWN:
        break;
    }
    return error_set(err, -EIO,
                     "%s %" PRId64 " was sent but not confirmed: look for event %s in %s "
                     "before sending it again",
                     data->product_id, data->quantity, receipt->event.event_id, receipts->topic);
}

/* The error line is that of the first receipt that failed; the others' lines are printed. */
static int print_receipts(const struct receipts *receipts, struct error *err)
{
    size_t failed = 0;
    int r = 0;

    for (size_t i = 0; i < receipts->count; i++)
        if (print_receipt(receipts, &receipts->list[i], r == 0 ? err : NULL) < 0) {
            r = -EIO;
            failed++;
        }
    if (failed > 1)
        error_prefix(err, r, "%zu of %zu receipts failed, the first", failed, receipts->count);
    return r;
}

static enum exit_code receive(const struct invocation *in, struct receipts *receipts,
                              struct error *err)
{
    int r;

    if (read_receipts(in, receipts, err) < 0 ||
        cluster_open_producer(in->settings, on_delivery, &receipts->cluster, err) < 0)
        return EXIT_CODE_USAGE;
    r = find_topic(in, receipts, err);
    if (r == 0) {
        r = send_receipts(receipts, err);
        if (print_receipts(receipts, r == 0 ? err : NULL) < 0)
            r = -EIO;
    }
    return r < 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

enum exit_code stock_receive(const struct invocation *in, struct error *err)
{
    struct receipts receipts = {.count = in->argument_count / 2};
    enum exit_code code = EXIT_CODE_FAILED;

    if (in->argument_count % 2 != 0) {
        error_set(err, 0, "stock receive: '%s' has no quantity",
                  in->arguments[in->argument_count - 1]);
        return EXIT_CODE_USAGE;
    }
    receipts.list = calloc(receipts.count, sizeof(*receipts.list));
    if (receipts.list == NULL)
        error_set(err, 0, "out of memory");
    else if (codec_new(&receipts.codec, err) == 0)
        code = receive(in, &receipts, err);
    if (receipts.handle != NULL)
        rd_kafka_topic_destroy(receipts.handle);
    cluster_close(&receipts.cluster);
    codec_free(receipts.codec);
    free(receipts.list);
    return code;
}

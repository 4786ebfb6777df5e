/*
 * stock_receive.c - `sagactl stock receive`: reports goods that came in. All receipts of a call are
 * checked before the first is sent. A receipt has a new id each time: sent again, it counts twice.
 * With --once, products that the topics know already are left out. That is for set-ups that are run
 * again, one after the other: two at the same moment may both find nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "common/event/codec.h"
#include "common/kafka/topics.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/log_read.h"
#include "tools/sagactl/number.h"
#include "tools/sagactl/outgoing.h"

struct receipts {
    size_t count;
    struct outgoing *list;
    struct codec *codec;
    struct cluster cluster;
    char topic[TOPIC_NAME_SIZE]; /* for what is printed */
};

static int fill_receipt(const char *product, const char *quantity, struct outgoing *receipt,
                        struct error *err)
{
    struct stock_received *data = &receipt->event.data.stock_received;

    outgoing_stamp(receipt, EVENT_STOCK_RECEIVED, NULL);
    if (strlen(product) >= sizeof(data->product_id))
        return error_set(err, -EINVAL, "'%s' is no product id: more than %zu characters", product,
                         sizeof(data->product_id) - 1);
    str_copy(data->product_id, sizeof(data->product_id), product);
    return number_parse(quantity, 1, RECEIVED_QUANTITY_MAX, &data->quantity, err);
}

/* The schema decides what a receipt may hold; its line begins with the member at fault. */
static int read_receipts(const struct invocation *in, struct receipts *receipts, struct error *err)
{
    const char *json;
    size_t len;

    for (size_t i = 0; i < receipts->count; i++) {
        char **pair = in->arguments + 2 * i;
        int r = fill_receipt(pair[0], pair[1], &receipts->list[i], err);

        if (r == 0)
            r = event_encode(receipts->codec, &receipts->list[i].event, &json, &len, err);
        if (r < 0)
            return error_prefix(err, r, "'%s' %s", pair[0], pair[1]);
    }
    return 0;
}

struct known {
    struct receipts *receipts;
    struct event event; /* the one being looked at */
};

static int drop_known(void *context, const struct log_record *record, struct error *err)
{
    struct known *known = context;
    struct receipts *receipts = known->receipts;
    size_t kept = 0;

    (void)err;
    if (!log_record_event(record, receipts->codec, &known->event))
        return 0;
    for (size_t i = 0; i < receipts->count; i++) {
        const char *product = event_key(&receipts->list[i].event);

        if (str_equal(product, event_key(&known->event)))
            printf("%s was received before\n", product);
        else
            receipts->list[kept++] = receipts->list[i];
    }
    receipts->count = kept;
    return kept == 0 ? 1 : 0; /* enough has been read */
}

/* Receipts are kept for some days, levels for ever; a receipt of a moment ago has no level yet. */
static int drop_what_is_known(const struct invocation *in, struct receipts *receipts,
                              struct error *err)
{
    static const enum topic topics[] = {TOPIC_STOCK_RECEIPTS, TOPIC_STOCK};
    struct known known = {.receipts = receipts};
    const struct log_request request = {
        .topics = topics,
        .topic_count = ARRAY_LEN(topics),
        .on_record = drop_known,
        .context = &known,
    };
    struct cluster cluster = {0};
    int r = cluster_open_consumer(in->settings, &cluster, err);

    if (r == 0)
        r = log_read(&cluster, &request, err);
    cluster_close(&cluster);
    return r < 0 ? r : 0;
}

static int print_receipt(const struct receipts *receipts, const struct outgoing *receipt,
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

static bool is_any_sent(const struct receipts *receipts)
{
    for (size_t i = 0; i < receipts->count; i++)
        if (receipts->list[i].delivery != DELIVERY_NONE)
            return true;
    return false;
}

static enum exit_code receive(const struct invocation *in, struct receipts *receipts,
                              struct error *err)
{
    int r;

    if (read_receipts(in, receipts, err) < 0 ||
        outgoing_open(in->settings, &receipts->cluster, err) < 0)
        return EXIT_CODE_USAGE;
    if (in->options[STOCK_RECEIVE_ONCE] != NULL) {
        if (drop_what_is_known(in, receipts, err) < 0)
            return EXIT_CODE_FAILED;
        if (receipts->count == 0)
            return EXIT_CODE_OK;
    }
    topic_name(in->settings->topic_prefix, TOPIC_STOCK_RECEIPTS, receipts->topic);
    r = outgoing_send(&receipts->cluster, receipts->codec, receipts->list, receipts->count, err);
    if ((r == 0 || is_any_sent(receipts)) && print_receipts(receipts, r == 0 ? err : NULL) < 0)
        r = -EIO;
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
    cluster_close(&receipts.cluster);
    codec_free(receipts.codec);
    free(receipts.list);
    return code;
}

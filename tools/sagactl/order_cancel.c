/*
 * order_cancel.c - `sagactl order cancel`: asks for a cancellation as a client of the order service
 * does, and waits until it is known who won: the cancellation or the shipment.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/document.h"
#include "tools/sagactl/number.h"
#include "tools/sagactl/orders_read.h"
#include "tools/sagactl/outgoing.h"

#define REASON_DEFAULT "operator_request"
/* For the services to bring the order to its end. */
#define WAIT_S_DEFAULT 30
#define WAIT_S_MAX 600

/* What is known of the order. Pointers are borrowed from its events. */
struct standing {
    enum order_status status;
    const char *reason;
    size_t next_count;
    struct order_next next[ORDER_NEXT_MAX];
};

struct cancelling {
    const char *order_id;
    int64_t wait_s;
    struct cluster consumer, producer;
    struct outgoing request;
    struct codec *codec;
    struct orders orders;
    struct order_filter filter;
    bool following; /* the events that were there before are known */
    struct standing standing;
};

static int note_standing(void *context, const char *order_id, const struct order_view *view,
                         size_t left_out, struct error *err)
{
    struct standing *standing = context;

    (void)order_id, (void)left_out, (void)err;
    *standing = (struct standing){
        .status = view->status,
        .reason = view->reason,
        .next_count = view->next_count,
    };
    memcpy(standing->next, view->next, sizeof(standing->next));
    return 0;
}

static int look(struct cancelling *cancelling, struct error *err)
{
    return orders_each(&cancelling->orders, note_standing, &cancelling->standing, err);
}

/* Shipped is not the end yet, but it cannot be cancelled any more. */
static bool is_decided(const struct standing *standing)
{
    return standing->status == ORDER_SHIPPED || standing->status == ORDER_COMPLETED ||
           standing->status == ORDER_CANCELLED;
}

static int take_record(void *context, const struct log_record *record, struct error *err)
{
    struct cancelling *cancelling = context;
    size_t count = cancelling->orders.count;
    int r = order_filter_take(&cancelling->filter, record, err);

    if (r < 0 || !cancelling->following || cancelling->orders.count == count)
        return r;
    r = look(cancelling, err);
    return r == 0 && is_decided(&cancelling->standing) ? 1 : r;
}

static int confirm(const struct outgoing *request, struct error *err)
{
    if (request->delivery == DELIVERY_DONE)
        return 0;
    if (request->delivery == DELIVERY_FAILED)
        return error_set(err, -EIO, "the cancellation was not written: %s",
                         rd_kafka_err2str(request->code));
    return error_set(err, -EIO,
                     "the cancellation was sent but not confirmed: it may be sent again");
}

static int submit(struct cancelling *cancelling, struct error *err)
{
    int r = outgoing_send(&cancelling->producer, cancelling->codec, &cancelling->request, 1, err);

    return r == 0 ? confirm(&cancelling->request, err) : r;
}

/* Reads what is there, asks if there is something to ask for, and reads what comes of it. */
static int cancel(struct cancelling *cancelling, struct error *err)
{
    CLEANUP(log_reader_cleanup) struct log_reader *reader = NULL;
    enum topic topics[TOPIC_COUNT];
    const struct log_request request = {
        .topics = topics,
        .topic_count = log_order_topics(topics),
        .key = cancelling->order_id,
        .on_record = take_record,
        .context = cancelling,
    };
    int r = log_reader_open(&cancelling->consumer, &request, &reader, err);

    if (r == 0)
        r = log_reader_read(reader, err);
    if (r == 0)
        r = look(cancelling, err);
    if (r == 0 && cancelling->standing.status == ORDER_UNKNOWN)
        return error_set(err, -ENOENT, "there is no order %s", cancelling->order_id);
    if (r < 0 || is_decided(&cancelling->standing))
        return r;
    cancelling->following = true;
    r = submit(cancelling, err);
    return r == 0 ? log_reader_follow(reader, (int)cancelling->wait_s * 1000, err) : r;
}

/* The line that says who won, or on whom it waits. */
static void print_outcome(const struct cancelling *cancelling)
{
    const struct standing *standing = &cancelling->standing;
    int64_t now_ms = clock_utc_ms();

    fputs(order_status_name(standing->status), stdout);
    if (standing->reason != NULL)
        printf(": %s", standing->reason);
    if (standing->status == ORDER_SHIPPED || standing->status == ORDER_COMPLETED)
        fputs(": the shipment won, nothing is cancelled", stdout);
    for (size_t i = 0; !is_decided(standing) && i < standing->next_count; i++)
        if (standing->next[i].after != NULL)
            printf("; %s has to publish %s, for %" PRId64 " ms", standing->next[i].service,
                   event_type_name(standing->next[i].type),
                   order_next_age(&standing->next[i], now_ms));
    putchar('\n');
}

static int print_result(const struct invocation *in, const struct cancelling *cancelling,
                        struct error *err)
{
    const struct standing *standing = &cancelling->standing;

    if (in->options[ORDER_CANCEL_JSON] == NULL) {
        print_outcome(cancelling);
        return 0;
    }
    return document_print(
        json_pack("{ss ss so so}", "order_id", cancelling->order_id, "status",
                  order_status_name(standing->status), "reason", document_text(standing->reason),
                  "next", document_next(standing->next, standing->next_count, clock_utc_ms())),
        stdout, err);
}

/* What the schema does not allow is a wrong command line. */
static int make_request(const struct invocation *in, struct cancelling *cancelling,
                        struct error *err)
{
    struct order_cancellation_submitted *data =
        &cancelling->request.event.data.order_cancellation_submitted;
    const char *reason = in->options[ORDER_CANCEL_REASON], *json;
    size_t len;

    if (!uuid_is_valid(cancelling->order_id, strlen(cancelling->order_id)))
        return error_set(err, -EINVAL, "'%s' is no order id: a UUID in lower case is one",
                         cancelling->order_id);
    if (reason == NULL)
        reason = REASON_DEFAULT;
    if (strlen(reason) >= sizeof(data->reason))
        return error_set(err, -EINVAL, "the reason is too long: %zu bytes, of %zu at most",
                         strlen(reason), sizeof(data->reason) - 1);
    outgoing_stamp(&cancelling->request, EVENT_ORDER_CANCELLATION_SUBMITTED, cancelling->order_id);
    str_copy(data->order_id, sizeof(data->order_id), cancelling->order_id);
    str_copy(data->reason, sizeof(data->reason), reason);
    return event_encode(cancelling->codec, &cancelling->request.event, &json, &len, err);
}

static int prepare(const struct invocation *in, struct cancelling *cancelling, struct error *err)
{
    const char *wait = in->options[ORDER_CANCEL_WAIT];
    int r = codec_new(&cancelling->codec, err);

    cancelling->filter = (struct order_filter){.order_id = cancelling->order_id,
                                               .codec = cancelling->codec,
                                               .orders = &cancelling->orders};
    if (r == 0 && wait != NULL)
        r = number_parse(wait, 0, WAIT_S_MAX, &cancelling->wait_s, err);
    if (r == 0)
        r = make_request(in, cancelling, err);
    if (r == 0)
        r = cluster_open_consumer(in->settings, &cancelling->consumer, err);
    if (r == 0)
        r = outgoing_open(in->settings, &cancelling->producer, err);
    return r;
}

static enum exit_code run(const struct invocation *in, struct cancelling *cancelling,
                          struct error *err)
{
    if (prepare(in, cancelling, err) < 0)
        return EXIT_CODE_USAGE;
    if (cancel(cancelling, err) < 0 || print_result(in, cancelling, err) < 0)
        return EXIT_CODE_FAILED;
    return cancelling->standing.status == ORDER_CANCELLED ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}

enum exit_code order_cancel(const struct invocation *in, struct error *err)
{
    struct cancelling cancelling = {.order_id = in->arguments[0], .wait_s = WAIT_S_DEFAULT};
    enum exit_code code = run(in, &cancelling, err);

    orders_done(&cancelling.orders);
    cluster_close(&cancelling.producer);
    cluster_close(&cancelling.consumer);
    codec_free(cancelling.codec);
    return code;
}

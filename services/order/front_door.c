/*
 * front_door.c - see front_door.h: the wiring. A POST is suspended, handed to the publisher, and
 * answered when the read side has the order: who is told 201 can read it. Four things can end the
 * wait (see waiters.h), on three threads:
 *
 *   projection   the order can be read                                      201
 *   publisher    its delivery failed, or it took longer than anybody waits  503
 *   main         the service stops                                          503
 */
#include "services/order/front_door.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "services/order/openapi_route.h"
#include "services/order/order_json.h"
#include "services/order/order_publisher.h"
#include "services/order/order_request.h"
#include "common/event/order_view.h"
#include "services/order/projection.h"
#include "services/order/waiters.h"

/* Longer than PUBLISH_MS_MAX: a delivery that fails is told as that. */
#define HTTP_WRITE_DEADLINE_MS 15000
/* At a stop: what is under way may finish, but then is refused. */
#define DRAIN_MS_MAX 2000
#define FLUSH_MS_MAX 500
#define RETRY_AFTER_S "1"
#define JSON_TYPE "application/json"
#define LOCATION_SIZE (sizeof("/v1/orders/") + UUID_SIZE)

struct front_door {
    struct waiters *waiters;
    struct order_publisher *publisher;
    struct projection *projection;
    struct codec *http_codec;       /* of the HTTP thread */
    struct codec *projection_codec; /* of the projection's thread */
};

static void refuse_for_now(struct http_request *request, const char *detail)
{
    http_set_header(request, "Retry-After", RETRY_AFTER_S);
    http_answer_problem(request, 503, detail, NULL, 0);
}

/* `text` may be NULL: memory was short. It is freed. */
static void answer_text(struct http_request *request, unsigned status, char *text, size_t len)
{
    if (text != NULL)
        http_answer_text(request, status, JSON_TYPE, text, len);
    else
        http_answer_problem(request, 500, "out of memory", NULL, 0);
    free(text);
}

/* --------------------------------------------------------------- how the wait of a POST ends */

static bool is_awaited(void *context)
{
    return !waiters_is_empty(((struct front_door *)context)->waiters);
}

static void answer_created(struct http_request *request, const struct order_entry *placed)
{
    char location[LOCATION_SIZE];
    struct order_view view;
    size_t len = 0;
    char *text;

    order_view_fold(placed, 1, &view);
    snprintf(location, sizeof(location), "/v1/orders/%s", view.placed->order_id);
    text = order_json(&view, &len);
    http_set_header(request, "Location", location);
    answer_text(request, 201, text, len);
}

/* Something about the order can be read; if that is the order itself, it is answered. */
static void on_change(struct front_door *door, const char *order_id)
{
    struct history history = {.count = 0};
    struct http_request *request;
    struct order_view view;
    struct error err;
    size_t i = 0;

    if (!waiters_has(door->waiters, order_id))
        return;
    if (projection_read(door->projection, door->projection_codec, order_id, &history, &err) < 0)
        return;
    order_view_fold(history.entries, history.count, &view);
    while (i < history.count && &history.entries[i].event->data.order_placed != view.placed)
        i++;
    request = i < history.count ? waiters_take(door->waiters, order_id) : NULL;
    if (request != NULL)
        answer_created(request, &history.entries[i]);
    history_done(&history);
}

static void on_changes(void *context, const struct order_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        on_change(context, changes[i].order_id);
}

static void tell_doubt(struct http_request *request, const char *order_id, const char *why)
{
    char detail[256];

    snprintf(detail, sizeof(detail),
             "%s; the order may have been placed all the same: see /v1/orders/%s", why, order_id);
    refuse_for_now(request, detail);
}

static void on_failure(void *context, const char *order_id, bool may_exist, const char *reason)
{
    struct front_door *door = context;
    struct http_request *request = waiters_take(door->waiters, order_id);

    log_warn("order_not_published", "order_id=%s may_exist=%d reason=%s", order_id, may_exist,
             LOG_TEXT(reason));
    if (request == NULL)
        return;
    if (may_exist)
        tell_doubt(request, order_id, "the broker did not confirm the order in time");
    else
        refuse_for_now(request, "the order was not placed: the broker does not answer");
}

static void on_tick(void *context)
{
    struct front_door *door = context;
    int64_t now_ms = clock_monotonic_ms();
    char order_id[UUID_SIZE];
    struct http_request *request;

    while ((request = waiters_take_expired(door->waiters, now_ms, order_id)) != NULL) {
        log_warn("order_not_confirmed", "order_id=%s waited_ms=%d", order_id,
                 HTTP_WRITE_DEADLINE_MS);
        tell_doubt(request, order_id, "the order could not be read back in time");
    }
}

/* ------------------------------------------------------------------------------- the routes */

static struct order_stamp new_stamp(void)
{
    struct order_stamp stamp = {.timestamp_ms = clock_utc_ms()};

    uuid_v7(stamp.timestamp_ms, stamp.order_id);
    uuid_v7(stamp.timestamp_ms, stamp.event_id);
    return stamp;
}

/* True if the body was an order; otherwise it is answered. */
static bool read_order(struct front_door *door, struct http_request *request, struct event *ret)
{
    const struct order_stamp stamp = new_stamp();
    struct order_refusal refusal;
    size_t len;
    const char *body = http_request_body(request, &len);
    int r;

    if (!http_request_is_json(request)) {
        http_answer_problem(request, 415, "the body must be application/json in UTF-8", NULL, 0);
        return false;
    }
    r = order_request_read(door->http_codec, body, len, &stamp, ret, &refusal);
    if (r == -ENOMEM)
        refuse_for_now(request, "out of memory");
    else if (r < 0)
        http_answer_problem(request, refusal.status, refusal.detail, refusal.faults,
                            refusal.fault_count);
    return r == 0;
}

/* Suspends first: once somebody waits for the order, the answer may come at any moment. */
static void place_order(struct front_door *door, struct http_request *request,
                        const struct event *event, const char *traceparent)
{
    const char *order_id = event->data.order_placed.order_id;
    struct error err;
    int r;

    http_suspend(request);
    r = waiters_add(door->waiters, order_id, request, clock_monotonic_ms());
    if (r < 0) {
        refuse_for_now(request, r == -ESHUTDOWN ? "the service is stopping"
                                                : "too many orders are being placed");
        return;
    }
    r = order_publisher_send(door->publisher, door->http_codec, event, traceparent, &err);
    if (r == 0 || waiters_take(door->waiters, order_id) == NULL)
        return;
    log_warn("order_not_published", "order_id=%s reason=%s", order_id, LOG_TEXT(err.text));
    refuse_for_now(request, r == -ENOBUFS ? "the order was not placed: too many are under way"
                                          : "the order was not placed");
}

static void on_post_order(struct http_request *request, void *context)
{
    struct front_door *door = context;
    char traceparent[HTTP_TRACEPARENT_SIZE];
    struct event event;
    struct error err;

    if (!read_order(door, request, &event))
        return;
    if (projection_ready(door->projection, &err) < 0) {
        refuse_for_now(request, err.text);
        return;
    }
    http_request_traceparent(request, traceparent);
    place_order(door, request, &event, traceparent);
}

typedef char *render_function(struct front_door *door, const struct order_view *view,
                              size_t *ret_len);

/* What is there of the order, rendered; or why not. */
static void answer_order(struct front_door *door, struct http_request *request,
                         render_function *render)
{
    const char *order_id = http_request_param(request, "order_id");
    struct history history = {.count = 0};
    struct order_view view;
    struct error err;
    int r = 0;

    if (uuid_is_valid(order_id, strlen(order_id)))
        r = projection_read(door->projection, door->http_codec, order_id, &history, &err);
    if (r < 0) {
        refuse_for_now(request, err.text);
        return;
    }
    order_view_fold(history.entries, history.count, &view);
    if (view.status == ORDER_UNKNOWN) {
        http_answer_problem(request, 404, "there is no such order", NULL, 0);
    } else {
        size_t len = 0;
        char *text = render(door, &view, &len);

        answer_text(request, 200, text, len);
    }
    history_done(&history);
}

static char *render_order(struct front_door *door, const struct order_view *view, size_t *ret_len)
{
    (void)door;
    return order_json(view, ret_len);
}

static char *render_timeline(struct front_door *door, const struct order_view *view,
                             size_t *ret_len)
{
    return order_timeline_json(view, clock_utc_ms(), door->http_codec, ret_len);
}

static void on_get_order(struct http_request *request, void *context)
{
    answer_order(context, request, render_order);
}

static void on_get_timeline(struct http_request *request, void *context)
{
    answer_order(context, request, render_timeline);
}

/* --------------------------------------------------------------------------- the extension */

static void front_door_close(void *extension)
{
    struct front_door *door = extension;

    if (door == NULL)
        return;
    /* Both call back into the waiters, so these go last. */
    order_publisher_free(door->publisher, FLUSH_MS_MAX);
    projection_close(door->projection);
    waiters_free(door->waiters);
    codec_free(door->http_codec);
    codec_free(door->projection_codec);
    free(door);
}

static int open_parts(struct front_door *door, const struct service_context *context,
                      struct error *err)
{
    const struct order_publisher_config publisher = {
        .kafka = &context->kafka, .on_failure = on_failure, .on_tick = on_tick, .context = door};
    const struct projection_config projection = {
        .kafka = &context->kafka,
        .data_dir = context->settings->data_dir,
        .listener = {.is_wanted = is_awaited, .on_changes = on_changes, .context = door}};
    int r = waiters_new(HTTP_WRITE_DEADLINE_MS, &door->waiters, err);

    if (r == 0)
        r = codec_new(&door->http_codec, err);
    if (r == 0)
        r = codec_new(&door->projection_codec, err);
    if (r == 0)
        r = order_publisher_new(&publisher, &door->publisher, err);
    if (r == 0)
        r = projection_open(&projection, &door->projection, err);
    return r;
}

static int front_door_open(const struct service_context *context, void **ret, struct error *err)
{
    struct front_door *door = calloc(1, sizeof(*door));
    int r;

    if (door == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    r = open_parts(door, context, err);
    if (r < 0) {
        front_door_close(door);
        return r;
    }
    *ret = door;
    return 0;
}

static void front_door_drain(void *extension)
{
    struct front_door *door = extension;
    struct http_request *request;
    char order_id[UUID_SIZE];

    waiters_close(door->waiters, DRAIN_MS_MAX);
    while ((request = waiters_take_any(door->waiters, order_id)) != NULL)
        tell_doubt(request, order_id, "the service is stopping");
}

static int front_door_ready(void *extension, struct error *err)
{
    return projection_ready(((struct front_door *)extension)->projection, err);
}

static const struct http_route routes[] = {
    {"POST", "/v1/orders", on_post_order, NULL},
    {"GET", "/v1/orders/{order_id}", on_get_order, NULL},
    {"GET", "/v1/orders/{order_id}/timeline", on_get_timeline, NULL},
    {"GET", "/openapi.json", openapi_answer, NULL},
};

const struct service_extension order_front_door = {
    .open = front_door_open,
    .drain = front_door_drain,
    .close = front_door_close,
    .ready = front_door_ready,
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};

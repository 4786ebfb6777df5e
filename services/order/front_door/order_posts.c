/* order_posts.c - see order_posts.h. */
#include "services/order/front_door/order_posts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/base/uuid.h"
#include "services/order/front_door/order_answer.h"
#include "services/order/front_door/order_reads.h"
#include "services/order/front_door/order_request.h"
#include "services/order/front_door/waiters.h"

/* Name space of the ids of orders with a key. It never changes: retries would place again. */
#define KEYS_NAMESPACE "7d9f1c52-3a0e-4b8e-9c41-6f2f0f7a5be1"

/* Reads a body into an event, as in order_request.h. */
typedef int read_function(struct codec *codec, const char *body, size_t len,
                          const struct order_stamp *stamp, struct event *ret,
                          struct order_refusal *refusal);

static struct order_stamp new_stamp(void)
{
    struct order_stamp stamp = {.timestamp_ms = clock_utc_ms()};

    uuid_v7(stamp.timestamp_ms, stamp.order_id);
    uuid_v7(stamp.timestamp_ms, stamp.event_id);
    return stamp;
}

/* False: it was answered. */
static bool read_body(const struct order_posts *posts, struct http_request *request,
                      read_function *read, const struct order_stamp *stamp, struct event *ret)
{
    struct order_refusal refusal;
    size_t len;
    const char *body = http_request_body(request, &len);
    int r = read(posts->codec, body, len, stamp, ret, &refusal);

    if (r == -ENOMEM)
        order_answer_later(request, 503, "out of memory");
    else if (r < 0)
        http_answer_problem(request, refusal.status, refusal.detail, refusal.faults,
                            refusal.fault_count);
    return r == 0;
}

/* False: it was answered, since a body of another media type is none of ours. */
static bool check_media_type(struct http_request *request)
{
    if (http_request_is_json(request))
        return true;
    http_answer_problem(request, 415, "the body must be application/json in UTF-8", NULL, 0);
    return false;
}

/* Sends the event of a wait that has begun. */
static void send_event(const struct order_posts *posts, const struct event *event,
                       const char *traceparent, uint64_t ticket)
{
    struct publication publication = {.ticket = ticket};
    struct error err;

    if (order_publisher_send(posts->publisher, posts->codec, event, traceparent, ticket, &err) == 0)
        return;
    publication.reason = err.text;
    str_copy(publication.order_id, sizeof(publication.order_id), event_key(event));
    order_waits_settle(posts->waits, &publication);
}

/* --------------------------------------------------------------------------- POST /v1/orders */

/*
 * The id of an order follows from its client and key, so that every replica, at any time, asks for
 * the same order, and one client cannot meet another's. Without clients it is the key alone.
 * False: the request was answered.
 */
static bool read_key(struct http_request *request, const char *client, struct order_stamp *stamp,
                     bool *ret_has_key)
{
    char name[CLIENT_ID_SIZE + HTTP_IDEMPOTENCY_KEY_SIZE];
    char key[HTTP_IDEMPOTENCY_KEY_SIZE];
    struct error err;
    int r = http_request_idempotency_key(request, key, &err);

    if (r == -EINVAL) {
        http_answer_problem(request, 400, err.text, NULL, 0);
        return false;
    }
    *ret_has_key = r == 0;
    snprintf(name, sizeof(name), "%s%s%s", client != NULL ? client : "", client != NULL ? "\n" : "",
             r == 0 ? key : "");
    if (r == 0)
        uuid_v5(KEYS_NAMESPACE, name, strlen(name), stamp->order_id);
    return true;
}

/* What is written for this order. */
static void send_order(const struct order_posts *posts, const struct event *placed, bool has_key,
                       const char *traceparent, uint64_t ticket)
{
    struct event submitted;

    if (has_key)
        order_request_submit(placed, &submitted);
    send_event(posts, has_key ? &submitted : placed, traceparent, ticket);
}

void order_posts_place(const struct order_posts *posts, struct http_request *request,
                       const char *client)
{
    struct order_stamp stamp = new_stamp();
    char traceparent[TRACEPARENT_SIZE];
    struct wait_subject subject = {.kind = WAIT_FOR_ORDER, .order_id = stamp.order_id};
    struct event event;
    struct error err;
    bool has_key;
    uint64_t ticket;

    if (!read_key(request, client, &stamp, &has_key) || !check_media_type(request) ||
        !read_body(posts, request, order_request_read, &stamp, &event))
        return;
    str_copy(event.data.order_placed.client_id, CLIENT_ID_SIZE, client != NULL ? client : "");
    if (projection_ready(posts->projection, &err) < 0) {
        order_answer_later(request, 503, err.text);
        return;
    }
    http_request_traceparent(request, traceparent); /* before it is somebody else's */
    if (has_key)
        subject.asked = &event.data.order_placed;
    ticket = order_waits_begin(posts->waits, request, &subject);
    if (ticket != 0)
        send_order(posts, &event, has_key, traceparent, ticket);
}

/* ---------------------------------------------------- POST /v1/orders/{order_id}/cancellation */

/* True if there is something to cancel; otherwise it is answered. */
static bool can_be_cancelled(const struct order_posts *posts, struct http_request *request,
                             const char *order_id, const char *client)
{
    struct history history = {.count = 0};
    struct order_view view;
    enum order_stage stage;
    struct error err;
    char detail[64];
    int r = 0;

    if (uuid_is_valid(order_id, strlen(order_id)))
        r = projection_read(posts->projection, posts->codec, order_id, &history, &err);
    if (r < 0) {
        order_answer_later(request, 503, err.text);
        return false;
    }
    order_view_fold(history.entries, history.count, &view);
    stage =
        client == NULL || order_reads_may_see(&view, client) ? order_stage_of(&view) : STAGE_NONE;
    history_done(&history); /* of the view, only the status is read from here on */
    if (stage == STAGE_NONE) {
        http_answer_problem(request, 404, "there is no such order", NULL, 0);
    } else if (stage == STAGE_FINAL) {
        snprintf(detail, sizeof(detail), "the order is %s already", order_status_name(view.status));
        http_answer_problem(request, 409, detail, NULL, 0);
    }
    return stage == STAGE_PLACED || stage == STAGE_CANCELLING;
}

void order_posts_cancel(const struct order_posts *posts, struct http_request *request,
                        const char *client)
{
    struct order_stamp stamp = new_stamp();
    char traceparent[TRACEPARENT_SIZE];
    struct wait_subject subject = {.kind = WAIT_FOR_CANCELLATION, .order_id = stamp.order_id};
    const char *order_id = http_request_param(request, "order_id");
    struct event event;
    size_t len;
    uint64_t ticket;

    (void)http_request_body(request, &len);
    if ((len > 0 && !check_media_type(request)) ||
        !can_be_cancelled(posts, request, order_id, client))
        return;
    str_copy(stamp.order_id, sizeof(stamp.order_id), order_id);
    if (!read_body(posts, request, cancellation_request_read, &stamp, &event))
        return;
    http_request_traceparent(request, traceparent);
    ticket = order_waits_begin(posts->waits, request, &subject);
    if (ticket != 0)
        send_event(posts, &event, traceparent, ticket);
}

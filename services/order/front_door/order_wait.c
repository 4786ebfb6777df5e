/* order_wait.c - see order_wait.h. */
#include "services/order/front_door/order_wait.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/util.h"
#include "services/order/front_door/order_answer.h"
#include "services/order/front_door/order_json.h"
#include "services/order/front_door/order_request.h"

#define DAY_MS 86400000
#define LOCATION_SIZE (sizeof("/v1/orders/") + UUID_SIZE)

/* Without the room for more lines. */
static struct order_placed *copy_order(const struct order_placed *order)
{
    size_t size =
        offsetof(struct order_placed, items) + order->item_count * sizeof(order->items[0]);
    struct order_placed *copy = malloc(size);

    if (copy != NULL)
        memcpy(copy, order, size);
    return copy;
}

enum order_stage order_wait_needs(const struct order_wait *wait)
{
    return wait->kind == WAIT_FOR_ORDER ? STAGE_PLACED : STAGE_CANCELLING;
}

void order_wait_free(struct order_wait *wait)
{
    if (wait == NULL)
        return;
    free(wait->asked);
    free(wait);
}

struct order_wait *order_wait_new(struct http_request *request, const struct wait_subject *subject)
{
    struct order_wait *wait = calloc(1, sizeof(*wait));
    char traceparent[TRACEPARENT_SIZE];

    if (wait == NULL)
        return NULL;
    http_request_traceparent(request, traceparent);
    traceparent_id(traceparent, wait->trace_id);
    wait->kind = subject->kind;
    wait->request = request;
    wait->since_ms = clock_monotonic_ms();
    http_request_preferences(request, &wait->preferences);
    if (wait->preferences.wait_s > PREFER_WAIT_S_MAX)
        wait->preferences.wait_s = PREFER_WAIT_S_MAX;
    str_copy(wait->waiter.order_id, UUID_SIZE, subject->order_id);
    wait->waiter.stage = order_wait_needs(wait);
    wait->waiter.deadline_ms = wait->since_ms + WRITE_DEADLINE_MS;
    if (subject->asked == NULL)
        return wait;
    wait->asked = copy_order(subject->asked);
    if (wait->asked == NULL)
        order_wait_free(TAKE_PTR(wait));
    return wait;
}

bool order_wait_is_patient(const struct order_wait *wait)
{
    return wait->preferences.wait_s > 0;
}

bool order_wait_is_mistaken(const struct order_wait *wait, const struct order_sight *sight)
{
    return wait->asked != NULL && !order_request_is_same(wait->asked, sight->view.placed);
}

static void set_preferences_applied(const struct order_wait *wait)
{
    bool async = wait->preferences.respond_async;
    char text[64] = "", *end = text;

    if (async)
        end += snprintf(text, sizeof(text), "respond-async");
    if (order_wait_is_patient(wait))
        snprintf(end, sizeof(text) - (size_t)(end - text), "%swait=%" PRId64, async ? ", " : "",
                 wait->preferences.wait_s);
    if (text[0] != '\0')
        http_set_header(wait->request, "Preference-Applied", text);
}

/* The order as it was placed: whoever asks with the same key, whenever, is told the same. */
static char *render_first(const struct order_sight *sight, size_t *ret_len)
{
    const struct order_entry *entry = sight->history.entries;
    struct order_view first;

    while (&entry->event->data.order_placed != sight->view.placed)
        entry++;
    order_view_fold(entry, 1, &first);
    return order_json(&first, ret_len);
}

static void answer_order(struct order_wait *wait, const struct order_sight *sight)
{
    bool is_async = wait->preferences.respond_async &&
                    !(order_wait_is_patient(wait) && sight->stage == STAGE_FINAL);
    char location[LOCATION_SIZE];
    size_t len = 0;
    char *text =
        order_wait_is_patient(wait) ? order_json(&sight->view, &len) : render_first(sight, &len);

    snprintf(location, sizeof(location), "/v1/orders/%s", wait->waiter.order_id);
    http_set_header(wait->request, "Location", location);
    set_preferences_applied(wait);
    order_answer_json(wait->request, is_async ? 202 : 201, text, len);
}

static void answer_other_order(struct order_wait *wait)
{
    static const struct http_fault fault = {
        .pointer = "", .detail = "is not the order that was first sent with this Idempotency-Key"};
    char detail[160];

    snprintf(detail, sizeof(detail),
             "the Idempotency-Key was used for another order; it is kept for %" PRId64 " days",
             topic_info(TOPIC_ORDERS)->retention_ms / DAY_MS);
    http_answer_problem(wait->request, 422, detail, &fault, 1);
}

static void answer_cancellation(struct order_wait *wait, const struct order_sight *sight)
{
    bool is_cancelled = sight->view.status == ORDER_CANCELLED;
    size_t len = 0;
    char *text;

    set_preferences_applied(wait);
    if (sight->view.status == ORDER_COMPLETED) {
        http_answer_problem(wait->request, 409,
                            "the order is completed: it was shipped before it could be cancelled",
                            NULL, 0);
        return;
    }
    text = order_json(&sight->view, &len);
    order_answer_json(wait->request, is_cancelled && order_wait_is_patient(wait) ? 200 : 202, text,
                      len);
}

void order_wait_answer(struct order_wait *wait, const struct order_sight *sight)
{
    if (order_wait_is_mistaken(wait, sight))
        answer_other_order(wait);
    else if (wait->kind == WAIT_FOR_ORDER)
        answer_order(wait, sight);
    else
        answer_cancellation(wait, sight);
}

void order_wait_answer_doubt(struct order_wait *wait, const char *why)
{
    char detail[320];

    if (wait->kind == WAIT_FOR_CANCELLATION)
        snprintf(detail, sizeof(detail),
                 "%s; the cancellation may go on all the same: it is safe to ask again", why);
    else if (wait->asked != NULL)
        snprintf(
            detail, sizeof(detail),
            "%s; the order may have been placed all the same: it is safe to try again with the "
            "same Idempotency-Key",
            why);
    else
        snprintf(detail, sizeof(detail),
                 "%s; the order may have been placed all the same: see /v1/orders/%s; with an "
                 "Idempotency-Key it would be safe to try again",
                 why, wait->waiter.order_id);
    order_answer_later(wait->request, 503, detail);
}

void order_wait_answer_not_written(struct order_wait *wait)
{
    order_answer_later(wait->request, 503,
                       wait->kind == WAIT_FOR_ORDER
                           ? "the order was not placed: the broker does not take it"
                           : "nothing was asked: the broker does not take the cancellation");
}

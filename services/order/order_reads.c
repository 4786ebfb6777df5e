/* order_reads.c - see order_reads.h. */
#include "services/order/order_reads.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/uuid.h"
#include "services/order/order_json.h"
#include "common/event/order_view.h"

#define RETRY_AFTER_S "1"
#define JSON_TYPE "application/json"

typedef char *render_function(const struct order_reads *reads, const struct order_view *view,
                              size_t *ret_len);

static void refuse_for_now(struct http_request *request, const char *detail)
{
    http_set_header(request, "Retry-After", RETRY_AFTER_S);
    http_answer_problem(request, 503, detail, NULL, 0);
}

/* `text` may be NULL: memory was short. It is freed. */
static void answer_text(struct http_request *request, char *text, size_t len)
{
    if (text != NULL)
        http_answer_text(request, 200, JSON_TYPE, text, len);
    else
        http_answer_problem(request, 500, "out of memory", NULL, 0);
    free(text);
}

/* What is there of the order, rendered; or why not. */
static void answer_order(const struct order_reads *reads, struct http_request *request,
                         render_function *render)
{
    const char *order_id = http_request_param(request, "order_id");
    struct history history = {.count = 0};
    struct order_view view;
    struct error err;
    int r = 0;

    if (uuid_is_valid(order_id, strlen(order_id)))
        r = projection_read(reads->projection, reads->codec, order_id, &history, &err);
    if (r < 0) {
        refuse_for_now(request, err.text);
        return;
    }
    order_view_fold(history.entries, history.count, &view);
    if (view.status == ORDER_UNKNOWN) {
        http_answer_problem(request, 404, "there is no such order", NULL, 0);
    } else {
        size_t len = 0;
        char *text = render(reads, &view, &len);

        answer_text(request, text, len);
    }
    history_done(&history);
}

static char *render_order(const struct order_reads *reads, const struct order_view *view,
                          size_t *ret_len)
{
    (void)reads;
    return order_json(view, ret_len);
}

static char *render_timeline(const struct order_reads *reads, const struct order_view *view,
                             size_t *ret_len)
{
    return order_timeline_json(view, clock_utc_ms(), reads->codec, ret_len);
}

void order_reads_get_order(const struct order_reads *reads, struct http_request *request)
{
    answer_order(reads, request, render_order);
}

void order_reads_get_timeline(const struct order_reads *reads, struct http_request *request)
{
    answer_order(reads, request, render_timeline);
}

/* order_reads.c - see order_reads.h. */
#include "services/order/front_door/order_reads.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/base/uuid.h"
#include "common/event/order_view.h"
#include "services/order/front_door/order_answer.h"
#include "services/order/front_door/order_json.h"
#include "services/order/front_door/order_list.h"

/* What has an ETag may be kept, but by the client alone, and is asked for each time. */
#define REVALIDATE "private, no-cache"
#define LINK_SIZE (LIST_NEXT_SIZE + sizeof("</v1/orders?>; rel=\"next\""))

/* --------------------------------------------------------------------------------- one order */

typedef void answer_function(const struct order_reads *reads, struct http_request *request,
                             const struct order_view *view);

bool order_reads_may_see(const struct order_view *view, const char *client)
{
    return view->placed != NULL && (client == NULL || str_equal(view->placed->client_id, client));
}

/* What is there of the order; or why there is nothing. */
static void answer_order(const struct order_reads *reads, struct http_request *request,
                         const char *client, answer_function *answer)
{
    const char *order_id = http_request_param(request, "order_id");
    struct history history = {.count = 0};
    struct order_view view;
    struct error err;
    int r = 0;

    if (order_answer_bad_query(request, NULL, 0))
        return;
    if (uuid_is_valid(order_id, strlen(order_id)))
        r = projection_read(reads->projection, reads->codec, order_id, &history, &err);
    if (r < 0) {
        order_answer_later(request, 503, err.text);
        return;
    }
    order_view_fold(history.entries, history.count, &view);
    if (!order_reads_may_see(&view, client))
        http_answer_problem(request, 404, "there is no such order", NULL, 0);
    else
        answer(reads, request, &view);
    history_done(&history);
}

static void answer_view(const struct order_reads *reads, struct http_request *request,
                        const struct order_view *view)
{
    char etag[ORDER_ETAG_SIZE];
    size_t len = 0;

    (void)reads;
    order_view_etag(view, etag);
    http_set_header(request, "ETag", etag);
    http_set_header(request, "Cache-Control", REVALIDATE);
    if (http_request_matches(request, etag)) {
        http_answer_not_modified(request);
    } else {
        char *text = order_json(view, &len);

        order_answer_json(request, 200, text, len);
    }
}

/* No ETag: the ages of what is still to come change by themselves. */
static void answer_timeline(const struct order_reads *reads, struct http_request *request,
                            const struct order_view *view)
{
    size_t len = 0;
    char *text = order_timeline_json(view, clock_utc_ms(), reads->codec, &len);

    order_answer_json(request, 200, text, len);
}

void order_reads_get_order(const struct order_reads *reads, struct http_request *request,
                           const char *client)
{
    answer_order(reads, request, client, answer_view);
}

void order_reads_get_timeline(const struct order_reads *reads, struct http_request *request,
                              const char *client)
{
    answer_order(reads, request, client, answer_timeline);
}

/* -------------------------------------------------------------------------------- the orders */

static void answer_page(struct http_request *request, const struct list_params *params,
                        const struct order_range_result *found, struct list_page *page)
{
    const struct order_place *last = found->has_more ? &found->last : NULL;
    char next[LIST_NEXT_SIZE], link[LINK_SIZE];
    size_t len = 0;
    char *text = list_page_finish(page, last, &len);

    if (last != NULL) {
        list_next(params, last, next);
        snprintf(link, sizeof(link), "</v1/orders?%s>; rel=\"next\"", next);
        http_set_header(request, "Link", link);
    }
    order_answer_json(request, 200, text, len);
}

static void answer_orders(const struct order_reads *reads, struct http_request *request,
                          const struct list_params *params, const struct list_query *query)
{
    const struct order_range range = {.newest_first = true,
                                      .customer_id = query->customer_id,
                                      .after = query->after,
                                      .visit_max = LIST_SCAN_MAX};
    struct list_page *page = list_page_new(query);
    struct order_range_result found;
    struct error err = {"out of memory"};
    int r = -ENOMEM;

    if (page != NULL)
        r = projection_scan(reads->projection, reads->codec, &range, list_page_visit, page, &found,
                            &err);
    if (r == 0) {
        answer_page(request, params, &found, page);
        return;
    }
    list_page_free(page);
    order_answer_later(request, 503, err.text);
}

void order_reads_list_orders(const struct order_reads *reads, struct http_request *request,
                             const char *client)
{
    static const char *const names[] = {"status", "customer_id", "limit", "cursor"};
    const struct list_params params = {
        .status = http_request_query(request, "status"),
        .customer_id = http_request_query(request, "customer_id"),
        .limit = http_request_query(request, "limit"),
        .cursor = http_request_query(request, "cursor"),
    };
    struct list_query query;
    struct error err;
    const char *name;

    if (order_answer_bad_query(request, names, ARRAY_LEN(names)))
        return;
    if (list_query_read(&params, &query, &name, &err) < 0) {
        order_answer_fault(request, name, err.text);
        return;
    }
    query.client_id = client;
    answer_orders(reads, request, &params, &query);
}

/* --------------------------------------------------------------------------------- the stock */

static void answer_stock(struct http_request *request, const struct event *event)
{
    const struct stock_level_changed *level = &event->data.stock_level_changed;
    char updated_at[TIMESTAMP_SIZE];

    timestamp_format(event->timestamp_ms, updated_at);
    http_answer_json(request, 200,
                     json_pack("{s:s, s:I, s:I, s:I, s:s}", "product_id", level->product_id,
                               "on_hand", (json_int_t)level->on_hand, "reserved",
                               (json_int_t)level->reserved, "available",
                               (json_int_t)level->available, "updated_at", updated_at));
}

void order_reads_get_stock(const struct order_reads *reads, struct http_request *request)
{
    const char *product_id = http_request_param(request, "product_id");
    struct event level;
    struct error err;
    int r = -ENOENT;

    if (order_answer_bad_query(request, NULL, 0))
        return;
    if (event_text_check(EVENT_STOCK_LEVEL_CHANGED, "product_id", product_id, NULL) == 0)
        r = projection_stock(reads->projection, reads->codec, product_id, &level, &err);
    if (r == 0)
        answer_stock(request, &level);
    else if (r == -ENOENT)
        http_answer_problem(request, 404, "nothing is known of such a product", NULL, 0);
    else
        order_answer_later(request, 503, err.text);
}

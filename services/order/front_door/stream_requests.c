/* stream_requests.c - see stream_requests.h. */
#include "services/order/front_door/stream_requests.h"

#include <string.h>

#include "common/base/util.h"
#include "common/event/order_view.h"
#include "services/order/front_door/order_answer.h"

#define NO_SUCH_ORDER "there is no such order"

/* Where the client says it was. True: `ret` is written, if it says so. False: it is answered. */
static bool read_last_id(struct http_request *request, char kind, size_t rows, size_t columns,
                         int64_t *ret, bool *ret_given)
{
    const char *id = http_request_header(request, "Last-Event-ID");

    *ret_given = id != NULL && id[0] != '\0';
    if (!*ret_given || stream_id_parse(id, kind, rows, columns, ret))
        return true;
    order_answer_fault(request, "Last-Event-ID", "must be the id of an event of this stream");
    return false;
}

/* True if the order is there; otherwise the request is answered. */
static bool is_known(const struct order_reads *reads, struct http_request *request,
                     const char *order_id, const char *client)
{
    struct history history = {.count = 0};
    struct order_view view;
    struct error err;
    bool is_there;
    int r = projection_read(reads->projection, reads->codec, order_id, &history, &err);

    if (r < 0) {
        order_answer_later(request, 503, err.text);
        return false;
    }
    order_view_fold(history.entries, history.count, &view);
    is_there = order_reads_may_see(&view, client);
    history_done(&history);
    if (!is_there)
        http_answer_problem(request, 404, NO_SUCH_ORDER, NULL, 0);
    return is_there;
}

/* Who was told of the order elsewhere may come here before it does. */
static bool was_told(const int64_t positions[ORDER_POSITIONS])
{
    return positions[history_topic_index(TOPIC_ORDERS)] > 0;
}

void stream_request_order(const struct order_reads *reads, struct order_streams *streams,
                          struct http_request *request, const char *client)
{
    struct stream_reader reader = {.kind = STREAM_OF_ORDER};
    const char *order_id = http_request_param(request, "order_id");
    bool given;

    if (order_answer_bad_query(request, NULL, 0) ||
        !read_last_id(request, STREAM_OF_ORDER, 1, ORDER_POSITIONS, reader.positions, &given))
        return;
    if (!uuid_is_valid(order_id, strlen(order_id))) {
        http_answer_problem(request, 404, NO_SUCH_ORDER, NULL, 0);
        return;
    }
    /* With clients, what a request says it was told proves nothing. */
    if ((client != NULL || !was_told(reader.positions)) &&
        !is_known(reads, request, order_id, client))
        return;
    str_copy(reader.order_id, UUID_SIZE, order_id);
    order_streams_start(streams, request, &reader);
}

/* True if all is well with it, or it is not given; otherwise the request is answered. */
static bool read_customer(struct http_request *request, struct stream_reader *reader)
{
    const char *customer_id = http_request_query(request, "customer_id");
    struct error err;

    if (customer_id == NULL)
        return true;
    if (event_text_check(EVENT_ORDER_PLACED, "customer_id", customer_id, &err) < 0) {
        order_answer_fault(request, "customer_id", err.text);
        return false;
    }
    str_copy(reader->customer_id, CUSTOMER_ID_SIZE, customer_id);
    return true;
}

void stream_request_all(const struct order_reads *reads, struct order_streams *streams,
                        struct http_request *request, const char *client)
{
    static const char *const names[] = {"customer_id"};
    struct stream_reader reader = {.kind = STREAM_OF_ALL};
    struct feed_positions positions;
    struct error err;
    bool given;

    if (order_answer_bad_query(request, names, ARRAY_LEN(names)) ||
        !read_customer(request, &reader) ||
        !read_last_id(request, STREAM_OF_ALL, HISTORY_TOPIC_COUNT, HISTORY_PARTITIONS_MAX,
                      positions.next[0], &given))
        return;
    if (client != NULL)
        str_copy(reader.client_id, CLIENT_ID_SIZE, client);
    if (projection_feed_begin(reads->projection, given ? &positions : NULL, &reader.cursor, &err) <
        0)
        order_answer_later(request, 503, err.text);
    else
        order_streams_start(streams, request, &reader);
}

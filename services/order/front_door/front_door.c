/*
 * front_door.c - see front_door.h: the wiring. Threads: the server's runs the handlers; the
 * projection's and the publisher's tell the waits what has become of the POSTs; the deadlines have
 * their own.
 */
#include "services/order/front_door/front_door.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "services/order/front_door/api_tokens.h"
#include "services/order/front_door/deadlines.h"
#include "services/order/front_door/openapi_route.h"
#include "services/order/front_door/order_metrics.h"
#include "services/order/front_door/order_posts.h"
#include "services/order/front_door/order_publisher.h"
#include "services/order/front_door/order_reads.h"
#include "services/order/front_door/order_waits.h"
#include "services/order/front_door/order_streams.h"
#include "services/order/read_side/projection.h"
#include "services/order/front_door/stream_requests.h"

/* At a stop: what is under way may finish, but then is refused. */
#define DRAIN_MS_MAX 2000
#define FLUSH_MS_MAX 250 /* less than a service has for closing all its clients */

struct front_door {
    struct api_tokens *tokens; /* NULL: none are asked for */
    struct order_waits *waits;
    struct deadlines *deadlines;
    struct order_publisher *publisher;
    struct projection *projection;
    struct codec *codec; /* of the server's thread */
    struct order_posts posts;
    struct order_reads reads;
    struct order_streams *streams;
    struct order_metrics metrics;
};

/* ---------------------------------------------------------- what the parts tell one another */

static bool is_wanted(void *context)
{
    struct front_door *door = context;

    return order_waits_any(door->waits) || order_streams_is_wanted(door->streams);
}

static void on_changes(void *context, const struct order_change *changes, size_t count)
{
    struct front_door *door = context;

    order_waits_on_changes(door->waits, changes, count);
    order_streams_on_changes(door->streams, changes, count);
}

static void on_settled(void *context, const struct publication *publication)
{
    struct front_door *door = context;

    order_metrics_settle(&door->metrics, publication);
    if (publication->ticket == DEADLINES_TICKET)
        deadlines_settle(door->deadlines, publication);
    else
        order_waits_settle(door->waits, publication);
}

static void on_tick(void *context)
{
    struct front_door *door = context;

    order_waits_on_tick(door->waits);
    order_streams_tick(door->streams, clock_monotonic_ms());
}

/* ------------------------------------------------------------------------------- the routes */

/* Whose request it is; NULL: clients have no names. False: it is nobody's, and answered. */
static bool authenticate(const struct front_door *door, struct http_request *request,
                         const char **ret_client)
{
    const char *authorization = http_request_header(request, "Authorization");

    *ret_client = NULL;
    if (door->tokens == NULL)
        return true;
    *ret_client = api_tokens_client(door->tokens, authorization);
    if (*ret_client != NULL)
        return true;
    http_set_header(request, "WWW-Authenticate",
                    authorization != NULL ? "Bearer error=\"invalid_token\"" : "Bearer");
    http_answer_problem(request, 401, "a bearer token of a client is needed", NULL, 0);
    return false;
}

static void on_post_order(struct http_request *request, void *context)
{
    struct front_door *door = context;
    const char *client;

    if (authenticate(door, request, &client))
        order_posts_place(&door->posts, request, client);
}

static void on_post_cancellation(struct http_request *request, void *context)
{
    struct front_door *door = context;
    const char *client;

    if (authenticate(door, request, &client))
        order_posts_cancel(&door->posts, request, client);
}

static void on_get_order(struct http_request *request, void *context)
{
    struct front_door *door = context;
    const char *client;

    if (authenticate(door, request, &client))
        order_reads_get_order(&door->reads, request, client);
}

static void on_get_timeline(struct http_request *request, void *context)
{
    struct front_door *door = context;
    const char *client;

    if (authenticate(door, request, &client))
        order_reads_get_timeline(&door->reads, request, client);
}

static void on_list_orders(struct http_request *request, void *context)
{
    struct front_door *door = context;
    const char *client;

    if (authenticate(door, request, &client))
        order_reads_list_orders(&door->reads, request, client);
}

static void on_get_stock(struct http_request *request, void *context)
{
    struct front_door *door = context;
    const char *client;

    if (authenticate(door, request, &client))
        order_reads_get_stock(&door->reads, request);
}

static void on_stream_order(struct http_request *request, void *context)
{
    struct front_door *door = context;
    const char *client;

    if (authenticate(door, request, &client))
        stream_request_order(&door->reads, door->streams, request, client);
}

static void on_stream_all(struct http_request *request, void *context)
{
    struct front_door *door = context;
    const char *client;

    if (authenticate(door, request, &client))
        stream_request_all(&door->reads, door->streams, request, client);
}

/* --------------------------------------------------------------------------- the extension */

static void front_door_close(void *extension)
{
    struct front_door *door = extension;

    if (door == NULL)
        return;
    deadlines_stop(door->deadlines);
    /* Both call back into the waits and the deadlines, so these go last. */
    order_publisher_free(door->publisher, FLUSH_MS_MAX);
    projection_close(door->projection);
    deadlines_free(door->deadlines);
    order_waits_free(door->waits);
    order_streams_free(door->streams);
    codec_free(door->codec);
    api_tokens_free(door->tokens);
    free(door);
}

static int open_parts(struct front_door *door, const struct service_context *context,
                      struct error *err)
{
    const struct order_settings *settings = context->config;
    const struct order_publisher_config publisher = {.kafka = &context->kafka,
                                                     .on_settled = on_settled,
                                                     .on_tick = on_tick,
                                                     .context = door,
                                                     .tracer = context->tracer};
    const struct projection_config projection = {
        .kafka = &context->kafka,
        .data_dir = context->settings->data_dir,
        .listener = {.is_wanted = is_wanted, .on_changes = on_changes, .context = door}};
    int r = api_tokens_read(settings->api_tokens_file, &door->tokens, err);

    if (r == 0)
        r = order_waits_new(&door->waits, err);
    if (r == 0)
        r = order_streams_new(&door->streams, err);
    if (r == 0)
        r = codec_new(&door->codec, err);
    if (r == 0)
        r = deadlines_new(settings->deadline_s, &door->deadlines, err);
    if (r == 0)
        r = order_publisher_new(&publisher, &door->publisher, err);
    if (r == 0)
        r = projection_open(&projection, &door->projection, err);
    if (r < 0)
        return r;
    order_waits_connect(door->waits, door->projection);
    order_streams_connect(door->streams, door->projection, door->codec);
    door->posts = (struct order_posts){door->projection, door->publisher, door->waits, door->codec};
    door->reads = (struct order_reads){door->projection, door->codec};
    order_metrics_init(&door->metrics, context->metrics, door->publisher, door->streams);
    return deadlines_start(door->deadlines, door->projection, door->publisher, err);
}

static int front_door_check(const void *config, struct error *err)
{
    CLEANUP(api_tokens_cleanup) struct api_tokens *tokens = NULL;

    return api_tokens_read(((const struct order_settings *)config)->api_tokens_file, &tokens, err);
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

    deadlines_stop(door->deadlines);
    order_streams_close(door->streams);
    order_waits_drain(door->waits, DRAIN_MS_MAX);
}

static int front_door_ready(void *extension, struct error *err)
{
    return projection_ready(((struct front_door *)extension)->projection, err);
}

static const struct http_route routes[] = {
    {"POST", "/v1/orders", on_post_order, NULL},
    {"POST", "/v1/orders/{order_id}/cancellation", on_post_cancellation, NULL},
    {"GET", "/v1/orders/{order_id}", on_get_order, NULL},
    {"GET", "/v1/orders/{order_id}/timeline", on_get_timeline, NULL},
    {"GET", "/v1/orders/{order_id}/events", on_stream_order, NULL},
    {"GET", "/v1/orders", on_list_orders, NULL},
    {"GET", "/v1/events", on_stream_all, NULL},
    {"GET", "/v1/stock/{product_id}", on_get_stock, NULL},
    {"GET", "/openapi.json", openapi_answer, NULL},
};

const struct service_extension order_front_door = {
    .check = front_door_check,
    .open = front_door_open,
    .drain = front_door_drain,
    .close = front_door_close,
    .ready = front_door_ready,
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};

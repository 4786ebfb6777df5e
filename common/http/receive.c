/*
 * receive.c - a request from its headers to its handler. What is wrong is found as early as
 * possible, and answered when the client is ready to hear it: a client that is still sending would
 * meet a closed connection instead of the answer.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/http/internal.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define TOO_LARGE "the body must be at most " TEXT(HTTP_BODY_BYTES_MAX) " bytes"
#define STOPPING "the server is stopping"
#define RETRY_AFTER_S "1"

static void refuse(struct http_request *request, unsigned status, const char *detail)
{
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        http_set_header(request, "Retry-After", RETRY_AFTER_S);
    http_answer_problem(request, status, detail, NULL, 0);
}

static void refuse_and_close(struct http_request *request, unsigned status, const char *detail)
{
    request->close = request->at_once = true;
    refuse(request, status, detail);
}

static void find_route(struct http_request *request, const char *method, const char *path)
{
    struct route_match *match = &request->match;
    enum route_verdict verdict =
        route_find(request->server->routes, request->server->route_count, method, path, match);

    if (verdict == ROUTE_REFUSED || verdict == ROUTE_OPTIONS)
        http_set_header(request, "Allow", match->allow);
    switch (verdict) {
    case ROUTE_FOUND:
        break;
    case ROUTE_UNKNOWN:
        refuse(request, MHD_HTTP_NOT_FOUND, "there is nothing at this path");
        break;
    case ROUTE_REFUSED:
        refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "see the Allow header");
        break;
    case ROUTE_OPTIONS:
        answer_empty(request, MHD_HTTP_NO_CONTENT);
        break;
    }
}

/* Room for the whole body at once, as far as it is known. */
static void reserve_body(struct http_request *request, const struct framing *framing)
{
    size_t size = framing->is_chunked ? HTTP_BODY_BYTES_MAX : (size_t)framing->length;

    if (request->server->bodies_bytes + size <= HTTP_BODIES_BYTES_MAX)
        request->body = malloc(size);
    if (request->body == NULL) {
        refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "too many requests are being received");
        return;
    }
    request->body_size = size;
    request->server->bodies_bytes += size;
}

static void release_body(struct http_request *request)
{
    free(request->body);
    request->server->bodies_bytes -= request->body_size;
    request->body = NULL;
    request->body_len = request->body_size = 0;
}

/* The answer stays in the client's socket until it has sent its body and looks. */
static void refuse_overlong(struct http_request *request, const struct framing *framing)
{
    if (framing->waits)
        refuse_and_close(request, MHD_HTTP_CONTENT_TOO_LARGE, TOO_LARGE);
    else
        answer_early(request, MHD_HTTP_CONTENT_TOO_LARGE, TOO_LARGE);
}

/* True: it is answered. */
static bool refuse_too_many(struct http_request *request, const char *path)
{
    struct http_server *server = request->server;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    if (server->rate.rate == 0 || info == NULL ||
        strncmp(path, server->rate_path, strlen(server->rate_path)) != 0 ||
        rate_take(&server->rate, rate_address(&server->rate, info->client_addr),
                  clock_monotonic_ms()))
        return false;
    http_set_header(request, "Retry-After", "1");
    refuse(request, MHD_HTTP_TOO_MANY_REQUESTS, "too many requests from this address");
    return true;
}

static void examine(struct http_request *request, const char *method, const char *path,
                    const char *version)
{
    const char *fault = framing_fault(request->connection, version);
    struct framing framing = framing_read(request->connection);

    if (!str_equal(version, "HTTP/1.1") && !str_equal(version, "HTTP/1.0"))
        refuse_and_close(request, MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is spoken here");
    else if (fault != NULL)
        refuse_and_close(request, MHD_HTTP_BAD_REQUEST, fault);
    else if (!framing.is_chunked && framing.length > HTTP_BODY_BYTES_MAX)
        refuse_overlong(request, &framing);
    else if (request->server->draining)
        refuse_and_close(request, MHD_HTTP_SERVICE_UNAVAILABLE, STOPPING);
    else if (!refuse_too_many(request, path))
        find_route(request, method, path);
    if (!request->answered && !request->spoken && framing.has_body)
        reserve_body(request, &framing);
    if (request->answered && framing.waits)
        request->at_once = true;
}

static void enlist(struct http_request *request)
{
    struct http_server *server = request->server;

    pthread_mutex_lock(&server->lock);
    request->next = server->under_way;
    if (request->next != NULL)
        request->next->previous = request;
    server->under_way = request;
    request->under_way = true;
    pthread_mutex_unlock(&server->lock);
}

static void delist(struct http_request *request)
{
    struct http_server *server = request->server;

    pthread_mutex_lock(&server->lock);
    if (request->next != NULL)
        request->next->previous = request->previous;
    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        server->under_way = request->next;
    if (server->under_way == NULL && server->draining)
        pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

struct http_request *request_begin(struct http_server *server, struct MHD_Connection *connection,
                                   const char *method, const char *path, const char *version)
{
    struct http_request *request = calloc(1, sizeof(*request));

    if (request == NULL || !query_read(connection, &request->query)) {
        free(request);
        return NULL;
    }
    request->server = server;
    request->connection = connection;
    request->is_head = str_equal(method, "HEAD");
    request->since_us = clock_monotonic_us();
    examine(request, method, path, version);
    /* What is refused at the door does not hold up a stop. */
    if (!request->answered && !request->spoken)
        enlist(request);
    return request;
}

static bool discard(struct http_request *request, size_t len)
{
    request->discarded += len;
    if (request->discarded <= HTTP_DISCARD_BYTES_MAX)
        return true;
    if (request->overlong && !request->spoken)
        answer_early(request, MHD_HTTP_CONTENT_TOO_LARGE, TOO_LARGE);
    return false;
}

bool request_receive(struct http_request *request, const char *data, size_t len)
{
    if (request->body == NULL)
        return discard(request, len);
    if (len > request->body_size - request->body_len) {
        /* Chunked, and longer than allowed; what has a length was measured by it. */
        request->overlong = true;
        release_body(request);
        return discard(request, len);
    }
    memcpy(request->body + request->body_len, data, len);
    request->body_len += len;
    return true;
}

void request_handle(struct http_request *request)
{
    const struct http_route *route = request->match.route;

    request->handled = true;
    if (request->answered || request->spoken)
        return;
    reaper_set_waiting(request->server, request->connection, false);
    if (request->server->closing) {
        refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, STOPPING);
    } else if (request->overlong) {
        refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, TOO_LARGE);
    } else {
        tracing_begin(request);
        route->handler(request, route->context);
    }
    assert(request->suspended || request->answered);
    if (request->body != NULL)
        release_body(request);
}

void request_free(struct http_request *request)
{
    reaper_set_waiting(request->server, request->connection, true);
    if (request->under_way)
        delist(request);
    if (request->body != NULL)
        release_body(request);
    if (request->stream != NULL)
        stream_close(request->stream);
    free(request->query);
    for (size_t i = 0; i < request->header_count; i++)
        free(request->headers[i].value);
    if (request->response != NULL)
        MHD_destroy_response(request->response);
    free(request);
}

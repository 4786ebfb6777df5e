/* answer.c - see http.h: what is answered, by any thread, and how it reaches the library. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/http/internal.h"

#define US_PER_MS 1000
#define JSON_TYPE "application/json"
#define PROBLEM_TYPE "application/problem+json"

void http_suspend(struct http_request *request)
{
    pthread_mutex_lock(&request->server->lock);
    request->suspended = true;
    pthread_mutex_unlock(&request->server->lock);
    /* Before anybody else knows the request: resuming what is not suspended is undefined. */
    MHD_suspend_connection(request->connection);
}

void http_set_header(struct http_request *request, const char *name, const char *value)
{
    assert(request->header_count < HTTP_HEADERS_MAX);
    request->headers[request->header_count].name = name;
    request->headers[request->header_count].value = strdup(value);
    request->header_count++;
}

static bool has_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return true;
    return false;
}

static bool add_headers(const struct http_request *request, const char *content_type,
                        struct MHD_Response *response)
{
    bool added = MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES;

    if (content_type != NULL)
        added &= MHD_add_response_header(response, "Content-Type", content_type) == MHD_YES;
    if (!has_header(request, "Cache-Control"))
        added &= MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];

        added &= header->value != NULL &&
                 MHD_add_response_header(response, header->name, header->value) == MHD_YES;
    }
    return added;
}

/*
 * The answer is given. Without memory for it there is none, and the connection is closed: the
 * client sees that it does not know. After MHD_resume_connection() the request may be gone.
 */
void answer_finish(struct http_request *request, unsigned status, const char *content_type,
                   struct MHD_Response *response)
{
    struct http_server *server = request->server;

    if (response != NULL && !add_headers(request, content_type, response)) {
        MHD_destroy_response(response);
        response = NULL;
    }
    request->status = status;
    request->response = response;
    pthread_mutex_lock(&server->lock);
    assert(!request->answered);
    request->answered = true;
    pthread_mutex_unlock(&server->lock);
    if (request->suspended)
        MHD_resume_connection(request->connection);
}

void answer_empty(struct http_request *request, unsigned status)
{
    answer_finish(request, status, NULL,
                  MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT));
}

void http_answer_text(struct http_request *request, unsigned status, const char *content_type,
                      const char *text, size_t len)
{
    answer_finish(request, status, content_type,
                  MHD_create_response_from_buffer(len, (void *)text, MHD_RESPMEM_MUST_COPY));
}

static void answer_document(struct http_request *request, unsigned status, const char *content_type,
                            json_t *document)
{
    struct MHD_Response *response = NULL;
    char *text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;

    json_decref(document);
    if (text != NULL)
        response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(text);
    answer_finish(request, status, content_type, response);
}

void http_answer_json(struct http_request *request, unsigned status, json_t *document)
{
    answer_document(request, status, JSON_TYPE, document);
}

void http_answer_problem(struct http_request *request, unsigned status, const char *detail,
                         const struct http_fault *faults, size_t fault_count)
{
    answer_document(request, status, PROBLEM_TYPE,
                    problem_document(status, detail, faults, fault_count));
}

enum MHD_Result answer_queue(struct http_request *request)
{
    const struct http_route *route = request->match.route;
    struct MHD_Response *response = request->response;
    char traceparent[TRACEPARENT_SIZE], trace_id[TRACE_ID_SIZE];
    enum MHD_Result result;

    tracing_end(request);
    http_request_traceparent(request, traceparent);
    traceparent_id(traceparent, trace_id);
    log_debug("http_request", "method=%s route=%s status=%u duration_ms=%lld trace_id=%s",
              route != NULL ? route->method : "-", route != NULL ? route->path : "-",
              request->status, (long long)(clock_monotonic_us() - request->since_us) / US_PER_MS,
              trace_id);
    if (response == NULL)
        return MHD_NO;
    measure_answer(request, request->status);
    if ((request->close || request->server->draining) &&
        MHD_add_response_header(response, "Connection", "close") != MHD_YES)
        return MHD_NO;
    result = MHD_queue_response(request->connection, request->status, response);
    request->response = NULL;
    MHD_destroy_response(response); /* the library keeps its own reference */
    return result;
}

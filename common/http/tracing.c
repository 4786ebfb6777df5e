/*
 * tracing.c - the trace that a POST belongs to: its client's, or a new one. Its span goes from the
 * whole request to the answer. What only reads has none.
 */
#include <string.h>

#include "common/base/util.h"
#include "common/http/internal.h"

void tracing_begin(struct http_request *request)
{
    const struct http_route *route = request->match.route;
    struct tracer *tracer = request->server->tracer;
    const char *text = http_request_header(request, "traceparent");
    bool has_parent;

    if (!str_equal(route->method, "POST"))
        return;
    has_parent = text != NULL && trace_context_read(text, strlen(text), &request->trace);
    if (!has_parent && tracer == NULL)
        trace_context_new(0, &request->trace);
    request->has_trace = true;
    request->has_span =
        tracer_begin(tracer, SPAN_SERVER, has_parent, &request->trace, &request->span);
    if (request->has_span)
        request->span.request =
            (struct span_request){.method = route->method, .route = route->path};
}

void tracing_end(struct http_request *request)
{
    if (!request->has_span)
        return;
    request->has_span = false;
    request->span.request.status = request->status;
    tracer_end(request->server->tracer, &request->span);
}

void http_request_traceparent(const struct http_request *request, char out[TRACEPARENT_SIZE])
{
    out[0] = '\0';
    if (request->has_trace)
        trace_context_write(&request->trace, out);
}

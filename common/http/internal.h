/* internal.h - what the files of common/http share. Private to them; see http.h. */
#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/http/http.h"
#include "common/http/rate.h"
#include "common/http/routes.h"

struct http_header {
    const char *name;
    char *value;
};

struct query_param {
    const char *name, *value; /* decoded; NULL: that is no text */
};

/* The parameters behind the '?', in their order. */
struct query {
    struct query_param params[HTTP_QUERY_MAX];
    size_t count;
    bool is_overlong; /* there are more */
    size_t used, size;
    char text[]; /* what `params` points to */
};

/*
 * A request belongs to the server's thread, except that headers, status, stream and response belong
 * to whoever answers, until the connection is resumed. server->lock guards `suspended`, `answered`
 * and the links.
 */
struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct route_match match;
    struct query *query; /* NULL: there is none */
    int64_t since_us;    /* monotonic */
    bool is_head;

    char *body; /* NULL once the handler has returned */
    size_t body_len, body_size;
    uint64_t discarded; /* bytes of the body that were read and thrown away */
    bool overlong;      /* the body is larger than HTTP_BODY_BYTES_MAX */
    bool handled;       /* its handler was called */
    bool at_once;       /* the answer does not wait for the body; the library then closes */
    bool close;         /* the connection is not to be used again */
    bool spoken;        /* the answer was written past the library: see early.c */

    bool suspended, answered;
    bool under_way; /* is in the list */
    struct http_request *previous, *next;

    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    unsigned status;
    struct MHD_Response *response; /* NULL though answered: memory is short */
    struct http_stream *stream;    /* what produces the answer, or NULL */

    bool has_trace, has_span;
    struct trace_context trace; /* to be passed on */
    struct span span;
};

/* A connection, as the reaper sees it. */
struct peer {
    int fd;
    int64_t waits_since_ms; /* for a whole request; INT64_MAX while one is being answered */
    struct peer *previous, *next;
};

struct http_measures {
    struct metric *requests, *duration;
    struct metric_series *connections, *slow;
};

struct http_server {
    struct MHD_Daemon *daemon;
    struct http_measures measures;
    const struct http_route *routes;
    size_t route_count;
    struct tracer *tracer;
    uint16_t port;
    atomic_bool draining;
    atomic_bool closing; /* no handler is called and no stream read any more; see server.c */
    size_t bodies_bytes; /* server's thread only, as the next two */
    struct rate_limit rate;
    const char *rate_path;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* under_way became empty while draining, or stopping; monotonic */
    struct http_request *under_way;
    struct peer *peers;
    bool stopping;
    pthread_t reaper;
};

/* listen.c: a listening socket on all addresses, IPv6 and IPv4 if the machine has both. */
int listen_open(uint16_t port, int *ret_fd, uint16_t *ret_port, struct error *err);

/* framing.c: NULL, or why it is not certain where the request ends (static text). */
const char *framing_fault(struct MHD_Connection *connection, const char *version);

struct framing {
    bool has_body, is_chunked;
    bool waits;      /* the client sends the body only after "100 Continue" */
    uint64_t length; /* unless chunked */
};

/* framing.c: what the headers say about the body. */
struct framing framing_read(struct MHD_Connection *connection);

/* receive.c: a new request, by its headers; NULL: memory is short. */
struct http_request *request_begin(struct http_server *server, struct MHD_Connection *connection,
                                   const char *method, const char *path, const char *version);
/* receive.c: a part of the body. False: the client sends more than anybody wants to read. */
bool request_receive(struct http_request *request, const char *data, size_t len);
/* receive.c: the whole request is here. */
void request_handle(struct http_request *request);
void request_free(struct http_request *request);

/* early.c: writes a problem document to the socket, past the library. */
void answer_early(struct http_request *request, unsigned status, const char *detail);

/* tracing.c: before the handler, and with the answer. */
void tracing_begin(struct http_request *request);
void tracing_end(struct http_request *request);

/* request.c: all header lines of that name, in their order. */
void request_each_line(const struct http_request *request, const char *name,
                       void (*visit)(void *context, const char *value), void *context);

/* fields.c: bytes of the token that `text` begins with. */
size_t field_token(const char *text);
const char *field_skip_space(const char *text);
/*
 * fields.c: the quoted string that `text` begins with, without quotes and backslashes. Returns what
 * follows it, or NULL if it does not end or does not fit.
 */
const char *field_quoted(const char *text, char *out, size_t size);
/* fields.c: behind the next comma that is not in quotes; the end if there is none. */
const char *field_next(const char *text);

/* query.c: room for names and values of that many bytes, a NUL for each included. */
struct query *query_new(size_t bytes);
void query_add(struct query *query, const char *name, size_t name_len, const char *value,
               size_t value_len);
const char *query_value(const struct query *query, const char *name);
bool query_fault(const struct query *query, const char *const *names, size_t count,
                 struct http_fault *ret);
/* query.c: `ret` is left alone if there is no query. False: memory is short. */
bool query_read(struct MHD_Connection *connection, struct query **ret);

/* preferences.c: what was found so far. */
struct preferences {
    struct http_preferences found;
    bool has_wait; /* understood or not */
};

void preferences_read(struct preferences *preferences, const char *list);
/* idempotency.c: false if it is malformed; then `out` is undefined. */
bool idempotency_key_read(const char *text, char out[HTTP_IDEMPOTENCY_KEY_SIZE]);
/* conditional.c: whether the list has this tag, compared weakly. */
bool etag_is_listed(const char *list, const char *etag);

/* stream.c: under server->lock. */
void stream_wake(struct http_stream *stream);
/* stream.c: after its last read. */
void stream_close(struct http_stream *stream);

/* answer.c: the answer; takes the response, NULL: memory was short. */
void answer_finish(struct http_request *request, unsigned status, const char *content_type,
                   struct MHD_Response *response);
/* answer.c: an answer without a body. */
void answer_empty(struct http_request *request, unsigned status);

/* answer.c: hands the answer to the library. MHD_NO closes the connection. */
enum MHD_Result answer_queue(struct http_request *request);

/* measure.c: once, before the first request. */
void measures_init(struct http_measures *measures, struct metrics *metrics);
/* measure.c: an answer is given. */
void measure_answer(const struct http_request *request, unsigned status);

/* problem.c: the document, or NULL when memory is short. */
json_t *problem_document(unsigned status, const char *detail, const struct http_fault *faults,
                         size_t fault_count);

/* reaper.c: closes connections that take too long to send a request. */
int reaper_start(struct http_server *server, struct error *err);
void reaper_stop(struct http_server *server);
void reaper_notice(void *server, struct MHD_Connection *connection, void **socket_context,
                   enum MHD_ConnectionNotificationCode code);
void reaper_set_waiting(struct http_server *server, struct MHD_Connection *connection,
                        bool waiting);

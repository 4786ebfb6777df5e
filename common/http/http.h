/*
 * http.h - libmicrohttpd, wrapped once: routes, request bodies, problem+json, suspended answers.
 * Knows nothing of orders or Kafka. One event thread serves all connections.
 *
 * A handler runs on that thread and must not block. It answers at once, or it suspends the request
 * and somebody answers later, from any thread:
 *
 *   http_suspend(request);                 first: from here on the answer may come at any moment
 *   hand over `request`                    ... even before the handler returns
 *
 * What a handler is given is read while it runs; afterwards a suspended request is only a thing to
 * be answered. Everything that goes wrong before a handler is answered here, as problem+json.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/error.h"
#include "common/base/metrics.h"
#include "common/trace/tracer.h"

/* Bytes of a request body; longer ones are answered 413 without being stored. */
#define HTTP_BODY_BYTES_MAX 65536
/* Bytes of all bodies that are held at a time; above it requests are answered 503. */
#define HTTP_BODIES_BYTES_MAX (16U << 20)
/* Bytes of a refused body that are read and thrown away, so that its client sees the answer. */
#define HTTP_DISCARD_BYTES_MAX (16U << 20)
/*
 * Connections at a time, over all and also from one address: behind a proxy or in a test all
 * clients share one. More wait in the kernel's queue until one is closed; more from one address
 * than it may have are closed at once.
 */
#define HTTP_CONNECTIONS_MAX 2048
/* Requests per second that a limit per address can be. */
#define HTTP_RATE_MAX 1000000
/* Files that the rest of the process needs; the limit of open files must leave room for both. */
#define HTTP_FILES_RESERVED 512
/* Memory of a connection: its request line and headers must fit in; longer ones get 414 or 431. */
#define HTTP_CONNECTION_BYTES 16384
/* A connection without traffic is closed after this; also one whose client reads no answer. */
#define HTTP_IDLE_S 30
/* A request must be here this long after its connection was opened or gave its last answer. */
#define HTTP_RECEIVE_S 60
/* Faults that one problem document lists; more are left out. */
#define HTTP_FAULTS_MAX 16
/* Parameters of a route's path, and bytes of one; a longer one matches no route. */
#define HTTP_PARAMS_MAX 4
#define HTTP_PARAM_SIZE 128
/* Extra headers of one answer. */
#define HTTP_HEADERS_MAX 8
/* Parameters of one query; with more of them it is refused. */
#define HTTP_QUERY_MAX 16
/* What a client can wish to wait; a longer wish counts as this one. */
#define HTTP_WAIT_S_MAX INT32_MAX
/* An Idempotency-Key: 255 characters and NUL. */
#define HTTP_IDEMPOTENCY_KEY_SIZE 256
/* What a stream's read() returns when nothing will come any more. */
#define HTTP_STREAM_END (-1)

struct http_server;
struct http_request;

/* Called on the server's thread when the whole request is there. Must answer or suspend. */
typedef void http_handler(struct http_request *request, void *context);

struct http_route {
    const char *method; /* "GET" serves HEAD too */
    const char *path;   /* "/v1/orders/{order_id}": a name in braces is one path segment */
    http_handler *handler;
    void *context; /* borrowed */
};

struct http_server_config {
    uint16_t port;                   /* 0: the kernel chooses; see http_server_port() */
    const struct http_route *routes; /* borrowed until http_server_free() */
    size_t route_count;
    unsigned idle_s;                  /* 0: HTTP_IDLE_S */
    unsigned connections_per_address; /* at a time; 0: as many as there may be in all */
    /* Requests per second from one address (of IPv6: from one /64) to paths that begin like this;
       what is more is answered 429. A second's worth may come at once. 0: any. */
    unsigned rate_per_address;
    const char *rate_path;   /* borrowed until http_server_free(); NULL: all paths */
    struct metrics *metrics; /* borrowed until http_server_free(); NULL: nothing is counted */
    struct tracer *tracer;   /* borrowed, too; NULL: none */
};

/*
 * Listens and serves at once, on all addresses. `ret` is owned by the caller. Raises the process's
 * soft limit of open files as far as HTTP_CONNECTIONS_MAX needs.
 * Returns 0, -EADDRINUSE, -EACCES, -ENOMEM or -EIO.
 */
int http_server_new(const struct http_server_config *config, struct http_server **ret,
                    struct error *err);

uint16_t http_server_port(const struct http_server *server);

/*
 * From now on requests that come are answered 503 and their connections closed; requests that are
 * under way go on. Any thread; once is enough.
 */
void http_server_drain(struct http_server *server);

/*
 * Drains, waits until the requests under way are answered, at most `timeout_ms`, then closes. A
 * request that is still suspended then is answered 503 here; nobody else may answer it any more. A
 * stream that has not ended then is ended and closed here. NULL is harmless.
 */
void http_server_free(struct http_server *server, int timeout_ms);

/* ------------------------------------------------------- the request, for its handler only */

/* The text of a path parameter, decoded; asserts that the route has it. */
const char *http_request_param(const struct http_request *request, const char *name);

/* A request header, or NULL. */
const char *http_request_header(const struct http_request *request, const char *name);

/* The body; `len` 0 when there is none. */
const char *http_request_body(const struct http_request *request, size_t *len);

/* True if the body is said to be application/json in UTF-8, uncompressed. If not: 415. */
bool http_request_is_json(const struct http_request *request);

/*
 * What is to be passed on of the trace of a POST: that of its traceparent header, or a new one if
 * it has none, or a malformed one. "" of other requests.
 */
void http_request_traceparent(const struct http_request *request, char out[TRACEPARENT_SIZE]);

/* A fault of a request: where, as a JSON pointer ("" is the whole), and what must be. */
struct http_fault {
    char pointer[128];
    char detail[256];
};

/*
 * A parameter of the query, decoded ('+' is a space), valid UTF-8; "" for "?name"; NULL if it is
 * not given. One that is given twice or malformed is not told apart: ask for faults first.
 */
const char *http_request_query(const struct http_request *request, const char *name);

/*
 * True: the query has a parameter that is not one of `names`, or one that is repeated or malformed.
 * Answer 400 with the fault; its pointer is the name of the parameter, "" if that is malformed.
 * `names` may be NULL if `count` is 0.
 */
bool http_request_query_fault(const struct http_request *request, const char *const *names,
                              size_t count, struct http_fault *ret);

struct http_preferences {
    bool respond_async;
    int64_t wait_s; /* -1: not given */
};

/* Prefer (RFC 7240), from all its lines. What cannot be understood is ignored, as it asks for. */
void http_request_preferences(const struct http_request *request, struct http_preferences *ret);

/*
 * Idempotency-Key: a string of RFC 8941, in quotes, or bare visible ASCII without any of `",;\`.
 * Both spell the same key, which is copied to `out`. Returns 0, -ENOENT: there is none, or -EINVAL:
 * it is malformed, empty, longer than 255 characters, or given twice; `err` says so, for a 400.
 */
int http_request_idempotency_key(const struct http_request *request,
                                 char out[HTTP_IDEMPOTENCY_KEY_SIZE], struct error *err);

/*
 * True if If-None-Match lists `etag` (with its quotes), compared weakly, or is "*": the client of a
 * GET has what it would be given; answer with http_answer_not_modified().
 */
bool http_request_matches(const struct http_request *request, const char *etag);

/* ------------------------------------------------------------------------------ the answer */

/*
 * Holds the request until http_answer_...() is called, from any thread. The caller must keep a
 * deadline: a suspended connection has none, and a client that went away is not noticed.
 */
void http_suspend(struct http_request *request);

/* An extra header, before the answer, by whoever answers. `name` is borrowed for ever, `value`
 * is copied. */
void http_set_header(struct http_request *request, const char *name, const char *value);

/*
 * Exactly one of these per request. A suspended request is resumed and must not be touched again.
 * All have Cache-Control: no-store, unless http_set_header() says otherwise.
 */

/* `content_type` is borrowed for ever, `text` is copied. */
void http_answer_text(struct http_request *request, unsigned status, const char *content_type,
                      const char *text, size_t len);

/* The document is taken; NULL is what jansson gives when memory is short. */
void http_answer_json(struct http_request *request, unsigned status, json_t *document);

/*
 * RFC 9457 application/problem+json: type, title, status, detail, and the faults as "errors".
 * All strings are copied; `detail` may be NULL.
 */
void http_answer_problem(struct http_request *request, unsigned status, const char *detail,
                         const struct http_fault *faults, size_t fault_count);

/* 304, without a body. Set ETag and Cache-Control before, as for the 200 that it stands for. */
void http_answer_not_modified(struct http_request *request);

/* ------------------------------------------------------------------------------ streams */

/*
 * An answer of unknown length, 200, that is written bit by bit as there is something to say, such
 * as text/event-stream. To its client it comes in chunks, each sent at once; HTTP/1.0 gets it bare,
 * and the end of the connection as its end.
 *
 * A client that went away is found out by writing: the first write may still succeed, the next does
 * not. Whoever has nothing to say for long writes something that means nothing now and then. A
 * client that does not read is disconnected after HTTP_IDLE_S; until then read() is not called, and
 * the owner decides how much it keeps for it. A stream counts as a request that is under way: its
 * owner ends it when the server drains.
 */
struct http_stream;

struct http_stream_source {
    /*
     * On the server's thread, whenever the client can take more: writes at most `size` bytes, and
     * at least one if there are any (`size` may be as small as 100). Returns how many; 0: nothing
     * now, sleeps until http_stream_wake(); HTTP_STREAM_END: nothing any more. Must not block.
     */
    ssize_t (*read)(void *context, char *buffer, size_t size);
    /* On the server's thread, once, however it ends; the stream must not be touched afterwards. */
    void (*closed)(void *context);
    void *context; /* borrowed until closed() */
};

/*
 * Answers with a stream. `ret` is written before anything is read, and is valid until closed(): if
 * the request was suspended that may be before this returns. HEAD gets the headers, and closed() is
 * called without read(). `content_type` is borrowed for ever, `source` is copied. Returns 0, or
 * -ENOMEM: nothing was answered, and nothing will be called.
 */
int http_answer_stream(struct http_request *request, const char *content_type,
                       const struct http_stream_source *source, struct http_stream **ret);

/*
 * read() will be called (again). Any thread, also from within read(). No wake is lost: not one that
 * comes while read() is returning 0. The caller makes sure that the stream is not closed, and may
 * hold a lock that read() and closed() take, too: they are called without any of the server's.
 */
void http_stream_wake(struct http_stream *stream);

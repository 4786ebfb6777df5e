/*
 * server.c - see http.h: the life of the server, and libmicrohttpd's callbacks.
 *
 * What section of a request's life runs when: the first callback has the headers, then one per part
 * of the body, then one with nothing: the request is complete. A resumed request gets that last
 * one again. An answer that is given in the first makes the library close the connection, so it is
 * given there only if that is meant.
 *
 * MHD_quiesce_daemon() is not used: called beside a busy epoll loop it can end the process (0.9.75:
 * the loop removes the listening socket a second time and panics). A stopping server accepts, and
 * says 503.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/http/internal.h"

#define CONNECTIONS_MIN 16
/* What a last answer needs to reach its client when the server is closed. */
#define FAREWELL_MS 1000

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *len, void **request_context)
{
    struct http_server *server = context;
    struct http_request *request = *request_context;

    if (request == NULL) {
        request = *request_context = request_begin(server, connection, method, url, version);
        if (request == NULL)
            return MHD_NO;
        return request->at_once ? answer_queue(request) : MHD_YES;
    }
    if (*len > 0) {
        size_t part = *len;

        *len = 0;
        return request_receive(request, data, part) ? MHD_YES : MHD_NO;
    }
    if (!request->handled) {
        request_handle(request);
        /* Beyond this line a suspended request may have been answered, or not, at any moment. */
        if (request->suspended)
            return MHD_YES;
    }
    return request->spoken ? MHD_NO : answer_queue(request);
}

/* Also after a request that was never answered. */
static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    if (*request_context != NULL)
        request_free(*request_context);
    *request_context = NULL;
}

/* Paths are decoded segment by segment, in routes.c: "%2F" must not become a separator. */
static size_t keep_encoded(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* Mostly clients that went away. */
__attribute__((format(printf, 2, 0))) static void on_library_log(void *context, const char *format,
                                                                 va_list args)
{
    char text[LOG_TEXT_SIZE];

    (void)context;
    vsnprintf(text, sizeof(text), format, args);
    log_debug("http_library", "text=%s", LOG_TEXT(text));
}

/* The usual soft limit of 1024 files is below HTTP_CONNECTIONS_MAX. */
static unsigned connection_limit(void)
{
    const rlim_t wanted = HTTP_CONNECTIONS_MAX + HTTP_FILES_RESERVED;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return CONNECTIONS_MIN;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* what was reached is looked at next */
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= wanted)
        return HTTP_CONNECTIONS_MAX;
    return limit.rlim_cur > HTTP_FILES_RESERVED + CONNECTIONS_MIN
               ? (unsigned)limit.rlim_cur - HTTP_FILES_RESERVED
               : CONNECTIONS_MIN;
}

/* Takes the socket in every case. */
static int start_daemon(struct http_server *server, const struct http_server_config *config,
                        int listener, struct error *err)
{
    unsigned limit = connection_limit(), idle_s = config->idle_s;
    unsigned per_address =
        config->connections_per_address > 0 ? config->connections_per_address : limit;

    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        on_access, server,                                                 /**/
        MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,                  /**/
        MHD_OPTION_LISTEN_SOCKET, listener,                                /**/
        MHD_OPTION_CONNECTION_LIMIT, limit,                                /**/
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_address,                   /**/
        MHD_OPTION_CONNECTION_TIMEOUT, idle_s > 0 ? idle_s : HTTP_IDLE_S,  /**/
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_BYTES, /**/
        MHD_OPTION_STRICT_FOR_CLIENT, 1,                                   /**/
        MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, NULL,                  /**/
        MHD_OPTION_NOTIFY_CONNECTION, reaper_notice, server,               /**/
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,                 /**/
        MHD_OPTION_END);
    if (server->daemon != NULL)
        return 0;
    close(listener);
    return error_set(err, -EIO, "cannot start the HTTP server");
}

static struct http_server *server_alloc(const struct http_server_config *config)
{
    struct http_server *server = calloc(1, sizeof(*server));
    pthread_condattr_t monotonic;

    if (server == NULL)
        return NULL;
    server->routes = config->routes;
    server->route_count = config->route_count;
    server->tracer = config->tracer;
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return server;
}

static void server_release(struct http_server *server)
{
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

int http_server_new(const struct http_server_config *config, struct http_server **ret,
                    struct error *err)
{
    struct http_server *server = server_alloc(config);
    uint64_t seed = 0;
    int listener, r;

    if (server == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        seed =
            (uint64_t)clock_monotonic_us(); /* then somebody might choose whose bucket to share */
    rate_init(&server->rate, config->rate_per_address, seed);
    server->rate_path = config->rate_path != NULL ? config->rate_path : "";
    r = listen_open(config->port, &listener, &server->port, err);
    if (r == 0)
        measures_init(&server->measures, config->metrics);
    if (r == 0)
        r = start_daemon(server, config, listener, err);
    if (r == 0) {
        r = reaper_start(server, err);
        if (r < 0)
            MHD_stop_daemon(server->daemon);
    }
    if (r < 0) {
        server_release(server);
        return r;
    }
    *ret = server;
    return 0;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_drain(struct http_server *server)
{
    server->draining = true;
}

/* Until the requests under way are answered and gone, or the time is over. */
static void wait_for_quiet(struct http_server *server, int timeout_ms)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    struct timespec deadline = {.tv_sec = deadline_ms / 1000,
                                .tv_nsec = deadline_ms % 1000 * 1000000};
    int r = 0;

    pthread_mutex_lock(&server->lock);
    while (server->under_way != NULL && r == 0)
        r = pthread_cond_timedwait(&server->changed, &server->lock, &deadline);
    pthread_mutex_unlock(&server->lock);
}

/* Streams are woken, to find that they are over. Returns one that nobody has answered, or NULL. */
static struct http_request *find_suspended(struct http_server *server)
{
    struct http_request *found = NULL;

    pthread_mutex_lock(&server->lock);
    for (struct http_request *request = server->under_way; request != NULL; request = request->next)
        if (request->suspended && !request->answered)
            found = request;
        else if (request->answered && request->stream != NULL)
            stream_wake(request->stream);
    pthread_mutex_unlock(&server->lock);
    return found;
}

/* The library must not be stopped while it holds a suspended connection. True if it held any. */
static bool give_up_waiting(struct http_server *server)
{
    struct http_request *request;
    bool any = false;

    server->closing = true;
    while ((request = find_suspended(server)) != NULL) {
        http_answer_problem(request, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is stopping", NULL,
                            0);
        any = true;
    }
    return any;
}

void http_server_free(struct http_server *server, int timeout_ms)
{
    if (server == NULL)
        return;
    http_server_drain(server);
    wait_for_quiet(server, timeout_ms);
    (void)give_up_waiting(server);
    wait_for_quiet(server, FAREWELL_MS);
    if (give_up_waiting(server)) /* what a handler has suspended that ran already */
        wait_for_quiet(server, FAREWELL_MS);
    reaper_stop(server);
    MHD_stop_daemon(server->daemon);
    server_release(server);
}

/*
 * http_test_server.c - common/http with handlers that show each of its ways to answer. Prints its
 * port, runs until SIGTERM, then drains and closes.
 *
 * usage: http_test_server [MS_TO_WAIT_WHEN_CLOSING [IDLE_S]]
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/log.h"
#include "common/base/util.h"
#include "common/http/http.h"
#include "tap.h"

#define HELD_MAX 4096
#define CLOSE_MS_DEFAULT 200

/* Requests that wait for POST /release, and the one that another thread answers at once. */
struct held {
    pthread_mutex_t lock;
    struct http_request *requests[HELD_MAX];
    size_t count;
};

struct racer {
    sem_t given, answered;
    struct http_request *request; /* NULL: stop */
    struct tap *tap;              /* to be followed by the request, or NULL */
    pthread_t thread;
};

struct fixture {
    struct held held;
    struct racer racer;
    struct tap tap;
};

static void on_echo(struct http_request *request, void *context)
{
    (void)context;
    http_answer_json(request, 200, json_pack("{s:s}", "name", http_request_param(request, "name")));
}

static void on_items(struct http_request *request, void *context)
{
    size_t len, sum = 0;
    const char *body = http_request_body(request, &len);

    (void)context;
    if (!http_request_is_json(request)) {
        http_answer_problem(request, 415, "send application/json", NULL, 0);
        return;
    }
    for (size_t i = 0; i < len; i++)
        sum += (unsigned char)body[i];
    http_set_header(request, "Location", "/items/1");
    http_answer_json(request, 201,
                     json_pack("{s:I, s:I}", "length", (json_int_t)len, "sum", (json_int_t)sum));
}

static void on_faulty(struct http_request *request, void *context)
{
    static const struct http_fault faults[] = {{"/items/0/quantity", "must be \"positive\""},
                                               {"", "must be better"}};

    (void)context;
    http_answer_problem(request, 422, "two rules are broken", faults, ARRAY_LEN(faults));
}

static void on_text(struct http_request *request, void *context)
{
    (void)context;
    http_set_header(request, "Cache-Control", "no-cache");
    http_answer_text(request, 200, "text/plain; version=0.0.4", "a 1\n", 4);
}

static void on_hold(struct http_request *request, void *context)
{
    struct held *held = &((struct fixture *)context)->held;

    http_suspend(request);
    pthread_mutex_lock(&held->lock);
    assert(held->count < HELD_MAX);
    held->requests[held->count++] = request;
    pthread_mutex_unlock(&held->lock);
}

/* What no handler should do: block, here for longer than a stop waits; and then suspend as well.
   Meanwhile nobody is answered, so it says by another way that it is at it. */
static void on_slow_hold(struct http_request *request, void *context)
{
    const struct timespec too_long = {.tv_nsec = 2 * CLOSE_MS_DEFAULT * 1000000L};

    puts("slow");
    fflush(stdout);
    nanosleep(&too_long, NULL);
    on_hold(request, context);
}

static void on_held(struct http_request *request, void *context)
{
    struct held *held = &((struct fixture *)context)->held;

    pthread_mutex_lock(&held->lock);
    http_answer_json(request, 200, json_pack("{s:I}", "held", (json_int_t)held->count));
    pthread_mutex_unlock(&held->lock);
}

static void release_all(struct held *held)
{
    pthread_mutex_lock(&held->lock);
    for (size_t i = 0; i < held->count; i++)
        http_answer_json(held->requests[i], 200, json_pack("{s:I}", "held", (json_int_t)i));
    held->count = 0;
    pthread_mutex_unlock(&held->lock);
}

static void on_release(struct http_request *request, void *context)
{
    release_all(&((struct fixture *)context)->held);
    http_answer_json(request, 200, json_object());
}

/* The answer comes before the handler has returned: the tightest race there is. */
static void on_race(struct http_request *request, void *context)
{
    struct racer *racer = &((struct fixture *)context)->racer;

    http_suspend(request);
    racer->request = request;
    racer->tap = NULL;
    sem_post(&racer->given);
    sem_wait(&racer->answered);
}

static void on_late_stream(struct http_request *request, void *context)
{
    struct fixture *fixture = context;

    http_suspend(request);
    fixture->racer.request = request;
    fixture->racer.tap = &fixture->tap;
    sem_post(&fixture->racer.given);
    sem_wait(&fixture->racer.answered);
}

static void on_stream(struct http_request *request, void *context)
{
    tap_follow(&((struct fixture *)context)->tap, request, TAP_PLAIN);
}

static void on_self_waking(struct http_request *request, void *context)
{
    tap_follow(&((struct fixture *)context)->tap, request, TAP_SELF_WAKING);
}

static void on_endless(struct http_request *request, void *context)
{
    tap_follow(&((struct fixture *)context)->tap, request, TAP_ENDLESS);
}

static void on_streams(struct http_request *request, void *context)
{
    struct tap *tap = &((struct fixture *)context)->tap;

    pthread_mutex_lock(&tap->lock);
    http_answer_json(request, 200,
                     json_pack("{s:I, s:I, s:I}", "open", (json_int_t)tap->open, "closed",
                               (json_int_t)tap->closed, "reads", (json_int_t)tap->reads));
    pthread_mutex_unlock(&tap->lock);
}

static void on_publish(struct http_request *request, void *context)
{
    struct tap *tap = &((struct fixture *)context)->tap;
    const char *count = http_request_query(request, "count");
    const char *elsewhere = http_request_query(request, "elsewhere");

    if (elsewhere != NULL)
        tap_publish_elsewhere(tap, strtoul(elsewhere, NULL, 10));
    if (count != NULL)
        tap_publish(tap, strtoul(count, NULL, 10));
    http_answer_json(request, 200, json_object());
}

static void on_end(struct http_request *request, void *context)
{
    tap_end(&((struct fixture *)context)->tap);
    http_answer_json(request, 200, json_object());
}

static void on_query(struct http_request *request, void *context)
{
    static const char *const names[] = {"limit", "name"};
    struct http_fault fault;

    (void)context;
    if (http_request_query_fault(request, names, ARRAY_LEN(names), &fault))
        http_answer_problem(request, 400, "the query is malformed", &fault, 1);
    else
        http_answer_json(request, 200,
                         json_pack("{s:s?, s:s?}", "limit", http_request_query(request, "limit"),
                                   "name", http_request_query(request, "name")));
}

static void on_preferences(struct http_request *request, void *context)
{
    struct http_preferences preferences;

    (void)context;
    http_request_preferences(request, &preferences);
    http_answer_json(request, 200,
                     json_pack("{s:b, s:I}", "async", preferences.respond_async, "wait",
                               (json_int_t)preferences.wait_s));
}

static void on_key(struct http_request *request, void *context)
{
    char key[HTTP_IDEMPOTENCY_KEY_SIZE];
    struct error err;
    int r = http_request_idempotency_key(request, key, &err);

    (void)context;
    if (r < 0)
        http_answer_problem(request, r == -ENOENT ? 404 : 400, err.text, NULL, 0);
    else
        http_answer_json(request, 200, json_pack("{s:s}", "key", key));
}

static void on_tagged(struct http_request *request, void *context)
{
    (void)context;
    http_set_header(request, "ETag", "\"v1\"");
    http_set_header(request, "Cache-Control", "no-cache");
    if (http_request_matches(request, "\"v1\""))
        http_answer_not_modified(request);
    else
        http_answer_json(request, 200, json_pack("{s:i}", "version", 1));
}

/* Suspended, and then found out that nobody needs to be waited for. */
static void on_self(struct http_request *request, void *context)
{
    (void)context;
    http_suspend(request);
    http_answer_json(request, 200, json_pack("{s:b}", "self", 1));
}

static void *run_racer(void *context)
{
    struct racer *racer = context;

    for (;;) {
        sem_wait(&racer->given);
        if (racer->request == NULL)
            return NULL;
        if (racer->tap != NULL)
            tap_follow(racer->tap, racer->request, TAP_PLAIN);
        else
            http_answer_json(racer->request, 200, json_pack("{s:b}", "raced", 1));
        sem_post(&racer->answered);
    }
}

static void wait_for_sigterm(const sigset_t *signals)
{
    int number;

    while (sigwait(signals, &number) != 0)
        ;
}

static int serve(struct fixture *fixture, int close_ms, unsigned idle_s)
{
    const struct http_route routes[] = {
        {"GET", "/echo/{name}", on_echo, NULL},
        {"POST", "/items", on_items, NULL},
        {"GET", "/items", on_text, NULL},
        {"GET", "/faulty", on_faulty, NULL},
        {"POST", "/hold", on_hold, fixture},
        {"GET", "/held", on_held, fixture},
        {"POST", "/release", on_release, fixture},
        {"POST", "/race", on_race, fixture},
        {"POST", "/self", on_self, NULL},
        {"GET", "/query", on_query, NULL},
        {"GET", "/key", on_key, NULL},
        {"GET", "/preferences", on_preferences, NULL},
        {"GET", "/tagged", on_tagged, NULL},
        {"GET", "/stream", on_stream, fixture},
        {"GET", "/endless", on_endless, fixture},
        {"GET", "/late-stream", on_late_stream, fixture},
        {"GET", "/streams", on_streams, fixture},
        {"POST", "/publish", on_publish, fixture},
        {"POST", "/end", on_end, fixture},
        {"GET", "/self-waking", on_self_waking, fixture},
        {"POST", "/slow-hold", on_slow_hold, fixture},
    };
    const struct http_server_config config = {
        .routes = routes, .route_count = ARRAY_LEN(routes), .idle_s = idle_s};
    struct http_server *server;
    struct error err;
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (http_server_new(&config, &server, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return EXIT_FAILURE;
    }
    pthread_create(&fixture->racer.thread, NULL, run_racer, &fixture->racer);
    printf("%u\n", http_server_port(server));
    fflush(stdout);
    wait_for_sigterm(&signals);
    http_server_free(server, close_ms);
    tap_done(&fixture->tap);
    assert(fixture->tap.open == 0);
    fixture->racer.request = NULL;
    sem_post(&fixture->racer.given);
    pthread_join(fixture->racer.thread, NULL);
    return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
    static struct fixture fixture = {.held = {.lock = PTHREAD_MUTEX_INITIALIZER},
                                     .tap = {.lock = PTHREAD_MUTEX_INITIALIZER}};

    log_open("test", LOG_LEVEL_WARN, LOG_FORMAT_LOGFMT);
    sem_init(&fixture.racer.given, 0, 0);
    sem_init(&fixture.racer.answered, 0, 0);
    return serve(&fixture, argc > 1 ? atoi(argv[1]) : CLOSE_MS_DEFAULT,
                 argc > 2 ? (unsigned)atoi(argv[2]) : 0);
}

/*
 * http_test_server.c - common/http with handlers that show each of its ways to answer. Prints its
 * port, runs until SIGTERM, then drains and closes.
 *
 * usage: http_test_server [MS_TO_WAIT_WHEN_CLOSING]
 */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/util.h"
#include "common/http/http.h"

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
    pthread_t thread;
};

struct fixture {
    struct held held;
    struct racer racer;
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
    sem_post(&racer->given);
    sem_wait(&racer->answered);
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

static int serve(struct fixture *fixture, int close_ms)
{
    const struct http_route routes[] = {
        {"GET", "/echo/{name}", on_echo, NULL},    {"POST", "/items", on_items, NULL},
        {"GET", "/items", on_text, NULL},          {"GET", "/faulty", on_faulty, NULL},
        {"POST", "/hold", on_hold, fixture},       {"GET", "/held", on_held, fixture},
        {"POST", "/release", on_release, fixture}, {"POST", "/race", on_race, fixture},
        {"POST", "/self", on_self, NULL},
    };
    const struct http_server_config config = {.routes = routes, .route_count = ARRAY_LEN(routes)};
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
    fixture->racer.request = NULL;
    sem_post(&fixture->racer.given);
    pthread_join(fixture->racer.thread, NULL);
    return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
    static struct fixture fixture = {.held = {.lock = PTHREAD_MUTEX_INITIALIZER}};

    log_open("test", LOG_LEVEL_WARN);
    sem_init(&fixture.racer.given, 0, 0);
    sem_init(&fixture.racer.answered, 0, 0);
    return serve(&fixture, argc > 1 ? atoi(argv[1]) : CLOSE_MS_DEFAULT);
}

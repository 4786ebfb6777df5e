/*
 * service.c - see service.h. The main thread supervises: it waits for signals, for the runtime to
 * end, and bites as the watchdog. It decides nothing about orders.
 */
#include "common/service/service.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "common/kafka/runtime.h"
#include "common/service/health.h"
#include "common/service/healthcheck.h"
#include "common/service/service_metrics.h"
#include "common/service/settings.h"
#include "common/service/time_limit.h"

#define EXIT_CONFIGURATION 2
#define EXIT_FENCED 3

#define ROUTES_MAX 32
/* What HTTP_RATE_PER_ADDRESS is about: not the probes. */
#define RATE_PATH "/v1/"
#define SUPERVISE_MS 1000
/* Longer than a full queue and both halves of a commit may take. librdkafka may take for ever: its
   #5456, where it is built without our fix. */
#define WATCHDOG_MS 25000
/* Between two looks: we were not running ourselves. */
#define FROZEN_MS (3 * SUPERVISE_MS)
/* A predecessor with the same instance, which we fence, still holds the port for a moment. */
#define PORT_WAIT_MS_MAX 10000
#define PORT_RETRY_MS 200
/* Requests under way at the stop, the stop, and closing the clients: together within docker's 10
   s. */
#define DRAIN_MS_MAX 4000
#define STOP_MS_MAX 6000
#define FLUSH_TRACES_MS_MAX 500
/* Now and then librdkafka takes seconds to end a member of a group that is rebalancing, and orders
   wait for the next process: the standby does not know yet that it should own. */
#define CLOSE_MS_MAX 500
/* librdkafka hands memory from thread to thread; an arena for each of them keeps what it freed. */
#define MALLOC_ARENAS_MAX 2

struct process {
    const struct service *service;
    struct service_settings settings;
    char client_id[SERVICE_NAME_SIZE * 2];
    char group[SERVICE_NAME_SIZE * 2]; /* the consumers' */
    struct service_context context;
    struct http_route routes[ROUTES_MAX];
    size_t route_count;
    struct health health;
    struct measures *measures;
    struct service_metrics metrics;
    struct http_server *server;
    int signal_fd;
    int reload_fd; /* SIGHUP */
};

static void add_route(struct process *process, struct http_route route, void *context)
{
    route.context = context;
    process->routes[process->route_count++] = route;
}

static void build_routes(struct process *process)
{
    const struct service_extension *extension = process->service->extension;

    add_route(process, (struct http_route){"GET", "/livez", health_answer_livez, NULL},
              &process->health);
    add_route(process, (struct http_route){"GET", "/readyz", health_answer_readyz, NULL},
              &process->health);
    add_route(process, (struct http_route){"GET", "/metrics", service_metrics_answer, NULL},
              process->context.metrics);
    for (size_t i = 0; extension != NULL && i < extension->route_count; i++)
        add_route(process, extension->routes[i], process->health.extension_state);
}

/* A file descriptor that reads these signals, which do nothing else any more; or -1. */
static int listen_for(const sigset_t *set)
{
    return pthread_sigmask(SIG_BLOCK, set, NULL) == 0 ? signalfd(-1, set, SFD_CLOEXEC) : -1;
}

static int block_signals(struct process *process, struct error *err)
{
    sigset_t set, reload;

    sigemptyset(&reload);
    sigaddset(&reload, SIGHUP);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    process->signal_fd = listen_for(&set);
    process->reload_fd = listen_for(&reload);
    return process->signal_fd >= 0 && process->reload_fd >= 0
               ? 0
               : error_set(err, -EIO, "cannot receive signals: %s", strerror(errno));
}

/* Files that the settings name are read again. One that is wrong changes nothing. */
static void reload(struct process *process)
{
    struct signalfd_siginfo info;
    struct error err = {""};
    enum log_level level;

    if (read(process->reload_fd, &info, sizeof(info)) != sizeof(info))
        return; /* somebody else's signal: there is none now */
    if (settings_log_level(&process->settings, &level, &err) < 0) {
        log_error("not_reloaded", "reason=%s", LOG_TEXT(err.text));
        return;
    }
    log_set_level(level);
    log_info("reloaded", "log_level=%s", log_level_name(level));
}

/* True when it is time to end: a signal, or the runtime has ended by itself. */
static bool wait_for_end(struct process *process, int timeout_ms)
{
    struct pollfd fds[] = {
        {.fd = process->signal_fd, .events = POLLIN},
        {.fd = runtime_ended_fd(process->health.runtime), .events = POLLIN},
        {.fd = process->reload_fd, .events = POLLIN},
    };

    (void)poll(fds, ARRAY_LEN(fds), timeout_ms); /* what is not there now is seen the next time */
    if (fds[2].revents != 0)
        reload(process);
    log_tick();
    return fds[0].revents != 0 || fds[1].revents != 0;
}

static int serve_http(struct process *process, struct error *err)
{
    const struct http_server_config config = {
        .port = (uint16_t)process->settings.http_port,
        .routes = process->routes,
        .route_count = process->route_count,
        .metrics = process->context.metrics,
        .connections_per_address = (unsigned)process->settings.http_connections_per_address,
        .rate_per_address = (unsigned)process->settings.http_rate_per_address,
        .rate_path = RATE_PATH,
        .tracer = process->context.tracer,
    };
    int r = http_server_new(&config, &process->server, err);

    for (int waited_ms = 0; r == -EADDRINUSE && waited_ms < PORT_WAIT_MS_MAX;
         waited_ms += PORT_RETRY_MS) {
        if (wait_for_end(process, PORT_RETRY_MS))
            return 0;
        r = http_server_new(&config, &process->server, err);
    }
    return r;
}

/* Before everything that counts. */
static int start_metrics(struct process *process, struct error *err)
{
    const struct participant *participant = process->service->participant;
    int r = metrics_new(&process->context.metrics, err);

    if (r == 0)
        r = measures_new(process->context.metrics, participant, &process->measures, err);
    if (r == 0)
        service_metrics_init(&process->metrics, process->context.metrics, participant->name,
                             &process->health);
    return r;
}

static int start_tracer(struct process *process, struct error *err)
{
    struct tracer_config config;
    int r = settings_traces(&process->settings, &config, err);

    config.source.consumer_group = process->group;
    if (r == 0 && config.endpoint[0] != '\0')
        r = tracer_new(&config, &process->context.tracer, err);
    return r;
}

static int start_runtime(struct process *process, struct error *err)
{
    const struct service *service = process->service;
    const struct runtime_config config = {
        .participant = service->participant,
        .settings = service->config,
        .kafka = &process->context.kafka,
        .instance = process->settings.instance,
        .data_dir = process->settings.data_dir,
        .measures = process->measures,
        .tracer = process->context.tracer,
    };

    return runtime_new(&config, &process->health.runtime, err);
}

static int start(struct process *process, struct error *err)
{
    const struct service *service = process->service;
    int r = start_metrics(process, err);

    if (r == 0)
        r = start_tracer(process, err);
    process->metrics.tracer = process->context.tracer;
    if (r == 0)
        r = start_runtime(process, err);
    if (r == 0 && service->extension != NULL) {
        r = service->extension->open(&process->context, &process->health.extension_state, err);
        process->health.extension = r == 0 ? service->extension : NULL;
    }
    if (r < 0)
        return r;
    build_routes(process);
    return serve_http(process, err);
}

static void supervise(struct process *process)
{
    int64_t looked_ms = clock_monotonic_ms(), awake_ms = looked_ms;

    while (!wait_for_end(process, SUPERVISE_MS)) {
        int64_t now_ms = clock_monotonic_ms(), idle_ms;
        int64_t progress_ms = runtime_progress_ms(process->health.runtime);

        if (now_ms - looked_ms > FROZEN_MS)
            awake_ms = now_ms; /* the whole process stood still, and may go on now */
        looked_ms = now_ms;
        idle_ms = now_ms - (progress_ms > awake_ms ? progress_ms : awake_ms);
        if (idle_ms < WATCHDOG_MS)
            continue;
        log_error("watchdog", "idle_ms=%" PRId64 " fate=exit", idle_ms);
        _exit(EXIT_FAILURE); /* nothing is lost by it: the next start recovers */
    }
}

static int exit_code(int started, int ended)
{
    if (ended == -EALREADY)
        return EXIT_FENCED;
    return started < 0 || ended < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The reverse of the start: not ready, answer what is under way, commit. Returns the exit code. */
static int stop(struct process *process, int started)
{
    const struct service_extension *extension = process->health.extension;
    struct error err = {""};
    int ended = 0;

    /* In time or not, a stop loses nothing: what was not committed is done again. With its broker
       away a commit may never come back (librdkafka #5456). */
    time_limit_set(STOP_MS_MAX, started < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
    atomic_store(&process->health.stopping, true);
    /* While all still works: a request may wait for what our own shard decides. */
    if (extension != NULL)
        extension->drain(process->health.extension_state);
    if (process->health.runtime != NULL)
        runtime_stop(process->health.runtime); /* its last commit goes on beside the next steps */
    if (process->server != NULL)
        http_server_drain(process->server);
    http_server_free(process->server, DRAIN_MS_MAX);
    if (process->health.runtime != NULL)
        ended = runtime_end(process->health.runtime, &err);
    if (ended < 0)
        log_error("runtime_ended", "reason=%s", LOG_TEXT(err.text));
    tracer_flush(process->context.tracer, FLUSH_TRACES_MS_MAX);
    time_limit_set(CLOSE_MS_MAX, exit_code(started, ended)); /* nothing can be lost any more */
    runtime_free(process->health.runtime);
    if (extension != NULL)
        extension->close(process->health.extension_state);
    measures_free(process->measures);
    metrics_free(process->context.metrics);
    tracer_free(process->context.tracer);
    close_fd(&process->signal_fd);
    close_fd(&process->reload_fd);
    time_limit_set(0, 0);
    return exit_code(started, ended);
}

static int run(struct process *process)
{
    struct error err = {""};
    int started, code;

    log_info("start", "version=%s instance=%s http_port=%" PRId64, LOG_TEXT(SAGA_VERSION),
             LOG_TEXT(process->settings.instance), process->settings.http_port);
    started = start(process, &err);
    if (started < 0)
        log_error("cannot_start", "reason=%s", LOG_TEXT(err.text));
    else
        supervise(process);
    code = stop(process, started);
    log_info("stop", "instance=%s", LOG_TEXT(process->settings.instance));
    log_flush();
    return code;
}

static int refuse(const struct error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return EXIT_CONFIGURATION;
}

static int prepare(struct process *process, struct error *err)
{
    const char *name = process->service->participant->name;
    struct tracer_config traces;
    enum log_level level;
    int r = settings_read(process->service, &process->settings, err);

    if (r < 0)
        return r;
    snprintf(process->client_id, sizeof(process->client_id), "%s-%s", name,
             process->settings.instance);
    process->context.settings = &process->settings;
    process->context.config = process->service->config;
    process->context.kafka = (struct kafka_config){
        .bootstrap_servers = process->settings.bootstrap_servers,
        .properties_file = process->settings.client_properties,
        .topic_prefix = process->settings.topic_prefix,
        .client_id = process->client_id,
    };
    snprintf(process->group, sizeof(process->group), "%s%s", process->settings.topic_prefix, name);
    r = settings_log_level(&process->settings, &level, err);
    if (r == 0)
        r = settings_traces(&process->settings, &traces, err);
    if (r < 0)
        return r;
    log_open(name, level, (enum log_format)process->settings.log_format);
    r = settings_check_kafka(&process->context.kafka, err);
    if (r == 0 && process->service->extension != NULL && process->service->extension->check != NULL)
        r = process->service->extension->check(process->service->config, err);
    return r;
}

/* --healthcheck: another process than the service, with the same environment. */
static int check_health(const struct service *service, struct service_settings *settings)
{
    struct error err = {""};

    if (settings_read(service, settings, &err) < 0)
        return refuse(&err);
    if (healthcheck(settings->http_port, stdout, &err) == 0)
        return EXIT_SUCCESS;
    fprintf(stderr, "%s\n", err.text);
    return EXIT_FAILURE;
}

int service_main(int argc, char *argv[], const struct service *service)
{
    CLEANUP(free_ptr) struct process *process = calloc(1, sizeof(*process));
    const char *option = argc == 2 ? argv[1] : "";
    struct error err = {""};

    if (process == NULL)
        return EXIT_FAILURE;
    mallopt(M_ARENA_MAX, MALLOC_ARENAS_MAX);
    process->service = service;
    process->signal_fd = process->reload_fd = -1;
    if (str_equal(option, "--help")) {
        settings_print_help(service, stdout);
        return EXIT_SUCCESS;
    }
    if (str_equal(option, "--version")) {
        printf("%s-service %s\n", service->participant->name, SAGA_VERSION);
        return EXIT_SUCCESS;
    }
    if (str_equal(option, "--healthcheck"))
        return check_health(service, &process->settings);
    if (argc > 2 || (argc == 2 && !str_equal(option, "--check"))) {
        error_set(&err, 0, "unknown argument '%s': see --help", argv[1]);
        return refuse(&err);
    }
    if (prepare(process, &err) < 0)
        return refuse(&err);
    if (argc == 2) {
        printf("the settings are valid\n");
        return EXIT_SUCCESS;
    }
    if (block_signals(process, &err) < 0)
        return refuse(&err);
    return run(process);
}

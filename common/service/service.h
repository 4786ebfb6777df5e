/*
 * service.h - a service as a process: settings, signals, health, exit codes. main.c of a service
 * fills in one struct and calls service_main().
 */
#pragma once

#include <stdint.h>

#include "common/base/config.h"
#include "common/base/error.h"
#include "common/base/metrics.h"
#include "common/http/http.h"
#include "common/kafka/client.h"
#include "common/kafka/participant.h"
#include "common/trace/tracer.h"

#define SERVICE_TEXT_SIZE 1024
#define SERVICE_NAME_SIZE 128

/* What every service can be told by its environment. */
struct service_settings {
    char bootstrap_servers[SERVICE_TEXT_SIZE];
    char client_properties[SERVICE_TEXT_SIZE];
    char topic_prefix[SERVICE_NAME_SIZE];
    char data_dir[SERVICE_TEXT_SIZE]; /* never "" after start: the default is filled in */
    char instance[SERVICE_NAME_SIZE];
    int64_t http_port;
    int64_t http_connections_per_address; /* 1 .. HTTP_CONNECTIONS_MAX */
    int64_t http_rate_per_address;        /* requests per second; 0: any */
    int64_t log_level;
    int64_t log_format;
    char log_level_file[SERVICE_TEXT_SIZE];
    char traces_endpoint[SERVICE_TEXT_SIZE];
    char traces_name[SERVICE_NAME_SIZE]; /* never "" after start */
    char traces_ratio[SERVICE_NAME_SIZE];
    int64_t traces_sampler;
};

/* What an extension, such as the order service's front door, is given. Borrowed. */
struct service_context {
    const struct service_settings *settings;
    const void *config; /* the service's own settings; NULL: it has none */
    struct kafka_config kafka;
    struct metrics *metrics;
    struct tracer *tracer; /* NULL: no traces are exported */
};

/* Beside the participant: started before HTTP serves, ended after it was drained. */
struct service_extension {
    /* What its settings name: files, as far as they can be judged before the start. NULL: nothing.
       Returns 0, or a negative errno and a line: exit code 2. */
    int (*check)(const void *config, struct error *err);
    int (*open)(const struct service_context *context, void **ret, struct error *err);
    /* From now on answer nothing new; finish or refuse what is suspended. */
    void (*drain)(void *extension);
    void (*close)(void *extension);
    /* 0, or a negative errno and a line that says what is missing. */
    int (*ready)(void *extension, struct error *err);
    /* Routes beside /livez, /readyz and /metrics; their context is replaced by the extension. */
    const struct http_route *routes;
    size_t route_count;
};

struct service {
    const char *purpose; /* one sentence, for --help */
    const char *http_port_default;
    const struct participant *participant;
    const struct setting *settings; /* of its own; may be NULL */
    size_t setting_count;
    void *config; /* where its own settings are read into; handed to decide */
    const struct service_extension *extension; /* may be NULL */
};

/* Runs until SIGTERM or SIGINT. Returns the exit code: 0 stop, 2 configuration, 3 fenced, 1
   else. */
int service_main(int argc, char *argv[], const struct service *service);

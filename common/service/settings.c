/* settings.c - see settings.h. */
#include "common/service/settings.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/log.h"
#include "common/base/util.h"

/* Kafka allows 249 characters for a topic; ours take up to 32 of them. */
#define PREFIX_LENGTH_MAX 100
#define INSTANCE_LENGTH_MAX 64
#define SETTING_COUNT 15
/* HTTP_CONNECTIONS_MAX: no other limit than that for all. */
#define CONNECTIONS_DEFAULT "2048"
/* The value of SERVICE_INSTANCE that stands for the host's name. */
#define INSTANCE_OF_HOST "hostname"
/* Of the longest level, with the end of its line. */
#define LEVEL_LINE_SIZE 16

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_formats[] = {"logfmt", "json", NULL};
static const char *const samplers[] = {"parentbased_always_on", "parentbased_always_off",
                                       "parentbased_traceidratio", NULL};

/* A function, since the default port differs between the services. */
static void fill_table(const struct service *service, struct setting table[SETTING_COUNT])
{
    const struct setting rows[SETTING_COUNT] = {
        {"KAFKA_BOOTSTRAP_SERVERS", SETTING_TEXT,
         SETTING_OFFSET(struct service_settings, bootstrap_servers), 1, SERVICE_TEXT_SIZE - 1,
         "localhost:9092", "host:port, ...", "Brokers to ask for the others.", NULL},
        {"KAFKA_CLIENT_PROPERTIES", SETTING_TEXT,
         SETTING_OFFSET(struct service_settings, client_properties), 0, SERVICE_TEXT_SIZE - 1, NULL,
         "path", "File of librdkafka properties, for TLS and SASL.", NULL},
        {"TOPIC_PREFIX", SETTING_NAME, SETTING_OFFSET(struct service_settings, topic_prefix), 0,
         PREFIX_LENGTH_MAX, NULL, "", "Goes before every topic, group and transactional id.", NULL},
        {"HTTP_PORT", SETTING_INTEGER, SETTING_OFFSET(struct service_settings, http_port), 1, 65535,
         service->http_port_default, "port", "Where HTTP is served.", NULL},
        {"HTTP_CONNECTIONS_PER_ADDRESS_MAX", SETTING_INTEGER,
         SETTING_OFFSET(struct service_settings, http_connections_per_address), 1,
         HTTP_CONNECTIONS_MAX, CONNECTIONS_DEFAULT, "connections",
         "At a time; behind a proxy all clients have its address.", NULL},
        {"HTTP_RATE_PER_ADDRESS", SETTING_INTEGER,
         SETTING_OFFSET(struct service_settings, http_rate_per_address), 0, HTTP_RATE_MAX, "0",
         "requests/s", "What is more, to paths under /v1, is answered 429. 0: any.", NULL},
        {"DATA_DIR", SETTING_TEXT, SETTING_OFFSET(struct service_settings, data_dir), 0,
         SERVICE_TEXT_SIZE - 1, NULL, "path",
         "Local cache; may be deleted while stopped. Empty: ./data/<service>-<instance>.", NULL},
        {"LOG_LEVEL", SETTING_CHOICE, SETTING_OFFSET(struct service_settings, log_level), 0, 0,
         "info", "", "Least important lines to log.", log_levels},
        {"LOG_LEVEL_FILE", SETTING_TEXT, SETTING_OFFSET(struct service_settings, log_level_file), 0,
         SERVICE_TEXT_SIZE - 1, NULL, "path",
         "File with such a level in place of LOG_LEVEL; read again upon SIGHUP.", NULL},
        {"LOG_FORMAT", SETTING_CHOICE, SETTING_OFFSET(struct service_settings, log_format), 0, 0,
         "logfmt", "", "How lines are written to standard output.", log_formats},
        {"OTEL_EXPORTER_OTLP_ENDPOINT", SETTING_TEXT,
         SETTING_OFFSET(struct service_settings, traces_endpoint), 0, SERVICE_TEXT_SIZE - 1, NULL,
         "URL", "Where traces are sent, by OTLP/HTTP JSON; /v1/traces is appended. Empty: nowhere.",
         NULL},
        {"OTEL_SERVICE_NAME", SETTING_TEXT, SETTING_OFFSET(struct service_settings, traces_name), 0,
         SERVICE_NAME_SIZE - 1, NULL, "", "Its name in traces. Empty: order-saga-<service>.", NULL},
        {"OTEL_TRACES_SAMPLER", SETTING_CHOICE,
         SETTING_OFFSET(struct service_settings, traces_sampler), 0, 0, samplers[0], "",
         "Which traces are sent of those that begin here.", samplers},
        {"OTEL_TRACES_SAMPLER_ARG", SETTING_TEXT,
         SETTING_OFFSET(struct service_settings, traces_ratio), 0, SERVICE_NAME_SIZE - 1, NULL,
         "0 to 1", "Their share, for traceidratio. Empty: 1.", NULL},
        {"SERVICE_INSTANCE", SETTING_NAME, SETTING_OFFSET(struct service_settings, instance), 1,
         INSTANCE_LENGTH_MAX, "0", "",
         "Name, unique among the instances of the service, the same after a restart. hostname: "
         "that "
         "of this host, for containers.",
         NULL},
    };

    memcpy(table, rows, sizeof(rows));
}

/* Containers that are replicas differ in nothing but their host names. */
static int fill_instance(struct service_settings *settings, struct error *err)
{
    char name[HOST_NAME_MAX + 1] = "";

    if (!str_equal(settings->instance, INSTANCE_OF_HOST))
        return 0;
    if (gethostname(name, sizeof(name) - 1) < 0 || name[0] == '\0')
        return error_set(err, -EINVAL, "SERVICE_INSTANCE is hostname, but this host has no name");
    if (strlen(name) > INSTANCE_LENGTH_MAX)
        return error_set(err, -EINVAL, "SERVICE_INSTANCE is hostname, and '%s' is too long", name);
    str_copy(settings->instance, sizeof(settings->instance), name);
    return 0;
}

static int fill_data_dir(const struct service *service, struct service_settings *settings,
                         struct error *err)
{
    int len;

    if (settings->data_dir[0] != '\0')
        return 0;
    len = snprintf(settings->data_dir, sizeof(settings->data_dir), "./data/%s-%s",
                   service->participant->name, settings->instance);
    return len < (int)sizeof(settings->data_dir)
               ? 0
               : error_set(err, -EINVAL, "SERVICE_INSTANCE is too long");
}

int settings_read(const struct service *service, struct service_settings *ret, struct error *err)
{
    struct setting table[SETTING_COUNT];
    int r;

    fill_table(service, table);
    r = config_read(table, SETTING_COUNT, ret, err);
    if (r == 0 && service->setting_count > 0)
        r = config_read(service->settings, service->setting_count, service->config, err);
    if (r == 0 && ret->traces_name[0] == '\0')
        snprintf(ret->traces_name, sizeof(ret->traces_name), "order-saga-%s",
                 service->participant->name);
    if (r == 0)
        r = fill_instance(ret, err);
    return r < 0 ? r : fill_data_dir(service, ret, err);
}

int settings_log_level(const struct service_settings *settings, enum log_level *ret,
                       struct error *err)
{
    char line[LEVEL_LINE_SIZE] = "";
    FILE *file;

    *ret = (enum log_level)settings->log_level;
    if (settings->log_level_file[0] == '\0')
        return 0;
    file = fopen(settings->log_level_file, "r");
    if (file == NULL || (fgets(line, sizeof(line), file) == NULL && ferror(file))) {
        int r = -errno;

        if (file != NULL)
            fclose(file);
        return error_set(err, r, "LOG_LEVEL_FILE %s: %s", settings->log_level_file, strerror(-r));
    }
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; log_levels[i] != NULL; i++)
        if (str_equal(line, log_levels[i])) {
            *ret = (enum log_level)i;
            return 0;
        }
    return error_set(err, -EINVAL, "LOG_LEVEL_FILE %s: its first line is no level",
                     settings->log_level_file);
}

/* No reason to refuse: what mounts secrets into a container often makes them 0444, for it alone. */
static void check_mode(const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && (status.st_mode & S_IRWXO) != 0)
        log_warn("secret_readable", "file=%s mode=%04o reason=\"others may read it\"",
                 LOG_TEXT(path), (unsigned)(status.st_mode & 07777));
}

int settings_traces(const struct service_settings *settings, struct tracer_config *ret,
                    struct error *err)
{
    const char *endpoint = settings->traces_endpoint, *ratio = settings->traces_ratio;
    char *end;

    *ret = (struct tracer_config){.endpoint = endpoint,
                                  .source = {.service_name = settings->traces_name,
                                             .service_version = SAGA_VERSION,
                                             .instance = settings->instance,
                                             .topic_prefix = settings->topic_prefix},
                                  .sampler = (enum trace_sampler)settings->traces_sampler,
                                  .ratio = 1};
    if (endpoint[0] != '\0' && strncmp(endpoint, "http://", 7) != 0 &&
        strncmp(endpoint, "https://", 8) != 0)
        return error_set(err, -EINVAL,
                         "OTEL_EXPORTER_OTLP_ENDPOINT must begin with http:// or https://");
    if (ratio[0] == '\0')
        return 0;
    ret->ratio = strtod(ratio, &end);
    if (*end != '\0' || !(ret->ratio >= 0 && ret->ratio <= 1))
        return error_set(err, -EINVAL, "OTEL_TRACES_SAMPLER_ARG must be from 0 to 1, not '%s'",
                         ratio);
    return 0;
}

int settings_check_kafka(const struct kafka_config *kafka, struct error *err)
{
    static const enum kafka_client_kind kinds[] = {KAFKA_PRODUCER, KAFKA_CONSUMER};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        rd_kafka_conf_t *conf;
        int r = kafka_conf_new(kafka, kinds[i], NULL, 0, &conf, err);

        if (r < 0)
            return r;
        rd_kafka_conf_destroy(conf);
    }
    if (kafka->properties_file[0] != '\0')
        check_mode(kafka->properties_file);
    return 0;
}

void settings_print_help(const struct service *service, FILE *out)
{
    struct setting table[SETTING_COUNT];

    fill_table(service, table);
    fprintf(
        out,
        "usage: %s-service [--help | --version | --check | --healthcheck]\n\n%s\n\n"
        "  --check        reads and checks the settings, then exits\n"
        "  --healthcheck  asks the service on this host's HTTP_PORT for /readyz; exits 0 or 1\n\n"
        "Settings, from the environment:\n\n",
        service->participant->name, service->purpose);
    config_print_help(table, SETTING_COUNT, out);
    config_print_help(service->settings, service->setting_count, out);
    fprintf(out, "\nExit codes: 0 stopped, 2 a setting is wrong, 3 fenced by a newer process with "
                 "the same\nSERVICE_INSTANCE, 1 anything else.\n");
}

/* client.c - see client.h. Reasons in short; measurements in the project's ARCHITECTURE.md. */
#include "common/kafka/client.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/log.h"
#include "common/base/util.h"

/* Certificates may stand in one line. */
#define PROPERTY_LINE_SIZE 16384
#define LIBRARY_TEXT_SIZE 400

DEFINE_CLEANUP(conf_cleanup, rd_kafka_conf_t, rd_kafka_conf_destroy)

static const struct kafka_option common_options[] = {
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "1000"}, /* a broker that returns is found within a second */
    {"retry.backoff.ms", "5"},            /* at 100 a chain of four stages takes 113 ms, not 10 */
    {"retry.backoff.max.ms", "100"},
    {"topic.metadata.propagation.max.ms", "5000"}, /* a missing topic is an error sooner */
    {"log.connection.close", "false"},
    {"enable.metrics.push", "false"}, /* with it, closing a client takes a second, often */
};

static const struct kafka_option producer_options[] = {
    {"enable.idempotence", "true"},    /* implies acks=all */
    {"partitioner", "murmur2_random"}, /* as Java's: one order is one partition for everybody */
    {"compression.codec", "lz4"},
    {"queue.buffering.max.messages", "100000"},
    {"queue.buffering.max.kbytes", "32768"},
};

static const struct kafka_option consumer_options[] = {
    {"isolation.level", "read_committed"},
    {"enable.auto.commit", "false"},  /* offsets go through the transactions */
    {"enable.partition.eof", "true"}, /* the end of a ledger is when we know its state */
    {"auto.offset.reset", "earliest"},
    {"allow.auto.create.topics", "false"},
    {"fetch.wait.max.ms", "50"},      /* data comes at once anyway; assigning waits for this */
    {"fetch.queue.backoff.ms", "10"}, /* the default of 1000 stalls a bounded prefetch */
    {"fetch.error.backoff.ms", "50"},
    {"queued.min.messages", "10000"},
    {"queued.max.messages.kbytes", "4096"}, /* these two bound memory */
    {"fetch.message.max.bytes", "131072"},  /* compressed, and per partition */
};

/* Of a client that we close while it connects, the library says that its authentication failed. */
static bool is_of_closing(const char *text)
{
    return strstr(text, rd_kafka_err2str(RD_KAFKA_RESP_ERR__DESTROY)) != NULL;
}

/* The library's own lines: its syslog levels 0-3 are errors, 4 a warning, 5 and 6 notices. */
static void on_library_log(const rd_kafka_t *client, int level, const char *facility,
                           const char *text)
{
    enum log_level ours = level <= 4 && !is_of_closing(text) ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG;

    log_write(ours, "kafka_client", "client=%s facility=%s text=%s", rd_kafka_name(client),
              facility, LOG_TEXT(text));
}

/*
 * Without such a callback the library logs each failed connection a second time, as an error of the
 * client. What is left are errors that it has not logged: only those of a broker's connection are.
 */
static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    (void)opaque;
    switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__FATAL:
        log_debug("kafka_error", "client=%s text=%s", rd_kafka_name(client), LOG_TEXT(reason));
        break;
    default:
        log_warn("kafka_error", "client=%s text=%s", rd_kafka_name(client), LOG_TEXT(reason));
    }
}

static int set_option(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *err)
{
    char text[LIBRARY_TEXT_SIZE];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
        return error_set(err, -EINVAL, "Kafka setting %s: %s", name, text);
    return 0;
}

static int set_options(rd_kafka_conf_t *conf, const struct kafka_option *options, size_t count,
                       struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        int r = set_option(conf, options[i].name, options[i].value, err);

        if (r < 0)
            return r;
    }
    return 0;
}

static char *trim(char *text)
{
    size_t len;

    while (isspace((unsigned char)*text))
        text++;
    for (len = strlen(text); len > 0 && isspace((unsigned char)text[len - 1]); len--)
        text[len - 1] = '\0';
    return text;
}

/* A secret in the wrong place of a line must not get into an error either. */
static bool is_property_name(const char *text)
{
    return *text != '\0' && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

/* "name=value"; '#' starts a comment line. What else a line says is never repeated: secrets. */
static int set_property(rd_kafka_conf_t *conf, char *line, int number, struct error *err)
{
    char *name = trim(line), *separator = strchr(name, '=');

    if (*name == '\0' || *name == '#')
        return 0;
    if (separator == NULL)
        return error_set(err, -EINVAL, "line %d: no '='", number);
    *separator = '\0';
    name = trim(name);
    if (!is_property_name(name))
        return error_set(err, -EINVAL, "line %d: no property before '='", number);
    switch (rd_kafka_conf_set(conf, name, trim(separator + 1), NULL, 0)) {
    case RD_KAFKA_CONF_OK:
        return 0;
    case RD_KAFKA_CONF_UNKNOWN:
        return error_set(err, -EINVAL, "line %d: librdkafka has no property %s", number, name);
    case RD_KAFKA_CONF_INVALID:
        break;
    }
    return error_set(err, -EINVAL, "line %d: librdkafka refuses the value of %s", number, name);
}

/* 0; or 1 at the end; or a negative errno: a line is taken whole or not at all. */
static int read_line(FILE *file, char line[PROPERTY_LINE_SIZE], int number, struct error *err)
{
    errno = 0;
    if (fgets(line, PROPERTY_LINE_SIZE, file) == NULL)
        return ferror(file) ? error_set(err, -errno, "%s", strerror(errno)) : 1;
    if (strchr(line, '\n') == NULL && !feof(file))
        return error_set(err, -EINVAL, "line %d: longer than %d bytes", number,
                         PROPERTY_LINE_SIZE - 1);
    return 0;
}

static int set_properties(rd_kafka_conf_t *conf, const char *path, struct error *err)
{
    char line[PROPERTY_LINE_SIZE];
    int r = 0;
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return error_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
    for (int number = 1; r == 0; number++) {
        r = read_line(file, line, number, err);
        if (r == 0)
            r = set_property(conf, line, number, err);
    }
    fclose(file);
    return r < 0 ? error_prefix(err, r, "%s", path) : 0;
}

int kafka_conf_new(const struct kafka_config *config, enum kafka_client_kind kind,
                   const struct kafka_option *options, size_t option_count, rd_kafka_conf_t **ret,
                   struct error *err)
{
    CLEANUP(conf_cleanup) rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const struct kafka_option own[] = {
        {"bootstrap.servers", config->bootstrap_servers},
        {"client.id", config->client_id},
    };
    int r;

    rd_kafka_conf_set_log_cb(conf, on_library_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    r = set_options(conf, common_options, ARRAY_LEN(common_options), err);
    if (r == 0 && kind == KAFKA_PRODUCER)
        r = set_options(conf, producer_options, ARRAY_LEN(producer_options), err);
    if (r == 0 && kind == KAFKA_CONSUMER)
        r = set_options(conf, consumer_options, ARRAY_LEN(consumer_options), err);
    if (r == 0)
        r = set_options(conf, own, ARRAY_LEN(own), err);
    if (r == 0 && config->properties_file[0] != '\0')
        r = set_properties(conf, config->properties_file, err);
    if (r == 0)
        r = set_options(conf, options, option_count, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(conf);
    return 0;
}

int kafka_client_new(rd_kafka_conf_t *conf, enum kafka_client_kind kind, rd_kafka_t **ret,
                     struct error *err)
{
    rd_kafka_type_t type = kind == KAFKA_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;
    char text[LIBRARY_TEXT_SIZE];
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof(text));

    if (client == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, -EINVAL, "cannot create a Kafka client: %s", text);
    }
    if (kind == KAFKA_CONSUMER)
        rd_kafka_poll_set_consumer(client);
    *ret = client;
    return 0;
}

static int errno_of(rd_kafka_resp_err_t code)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
        return -ETIMEDOUT;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        return -ENOENT;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        return -EPERM;
    default:
        return -EIO;
    }
}

int kafka_error(rd_kafka_resp_err_t code, const char *what, struct error *err)
{
    assert(code != RD_KAFKA_RESP_ERR_NO_ERROR);
    return error_set(err, errno_of(code), "%s: %s", what, rd_kafka_err2str(code));
}

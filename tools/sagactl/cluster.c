/* cluster.c - see cluster.h. */
#include "tools/sagactl/cluster.h"

#include <errno.h>
#include <stdio.h>

#include "common/base/util.h"

#define CLIENT_ID "sagactl"
#define GROUP_ID_SIZE (SETTINGS_PREFIX_SIZE + sizeof(CLIENT_ID))
#define NUMBER_SIZE 16
#define STRINGIFY_(number) #number
#define STRINGIFY(number) STRINGIFY_(number)

static void ignore_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client, (void)level, (void)facility, (void)text;
}

/* "All brokers are down" follows upon the line that says why; the first is the better one. */
static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct cluster *cluster = opaque;

    (void)client;
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        str_copy(cluster->trouble, sizeof(cluster->trouble), reason);
}

static int open_client(const struct tool_settings *settings, enum kafka_client_kind kind,
                       const struct kafka_option *options, size_t option_count,
                       delivery_function *on_delivery, struct cluster *ret, struct error *err)
{
    const struct kafka_config config = {
        .bootstrap_servers = settings->bootstrap_servers,
        .properties_file = settings->client_properties,
        .topic_prefix = settings->topic_prefix,
        .client_id = CLIENT_ID,
    };
    rd_kafka_conf_t *conf;
    int r = kafka_conf_new(&config, kind, options, option_count, &conf, err);

    if (r < 0)
        return r;
    *ret = (struct cluster){.settings = settings, .kind = kind};
    rd_kafka_conf_set_opaque(conf, ret);
    rd_kafka_conf_set_log_cb(conf, ignore_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (on_delivery != NULL)
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    return kafka_client_new(conf, kind, &ret->client, err);
}

int cluster_open_admin(const struct tool_settings *settings, struct cluster *ret, struct error *err)
{
    /* It never produces, so it needs no producer id, nor the right to ask for one. */
    static const struct kafka_option options[] = {{"enable.idempotence", "false"}};

    return open_client(settings, KAFKA_PRODUCER, options, ARRAY_LEN(options), NULL, ret, err);
}

int cluster_open_producer(const struct tool_settings *settings, delivery_function *on_delivery,
                          struct cluster *ret, struct error *err)
{
    static const struct kafka_option options[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"message.timeout.ms", STRINGIFY(CLUSTER_TIMEOUT_MS)},
    };

    return open_client(settings, KAFKA_PRODUCER, options, ARRAY_LEN(options), on_delivery, ret,
                       err);
}

/* The commit waits for the reports; without anybody who takes them it would look every 10 ms. */
static void ignore_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client, (void)message, (void)opaque;
}

int cluster_open_transactional(const struct tool_settings *settings, const char *transactional_id,
                               int transaction_ms, struct cluster *ret, struct error *err)
{
    char timeout_ms[NUMBER_SIZE];
    const struct kafka_option options[] = {
        {"enable.idempotence", "true"},         {"acks", "all"},
        {"transactional.id", transactional_id}, {"transaction.timeout.ms", timeout_ms},
        {"message.max.bytes", "20971520"}, /* dead letters carry what others could send */
    };

    snprintf(timeout_ms, sizeof(timeout_ms), "%d", transaction_ms);
    return open_client(settings, KAFKA_PRODUCER, options, ARRAY_LEN(options), ignore_delivery, ret,
                       err);
}

int cluster_open_consumer(const struct tool_settings *settings, struct cluster *ret,
                          struct error *err)
{
    char group_id[GROUP_ID_SIZE];
    /* The library wants a group; it is never joined, nor is anything committed to it. */
    const struct kafka_option options[] = {
        {"group.id", group_id},
        {"isolation.level", "read_committed"},
        {"enable.auto.commit", "false"},
        {"auto.offset.reset", "earliest"},
        {"enable.partition.eof", "true"},
        {"fetch.wait.max.ms", "10"}, /* of topics that stand still */
    };

    snprintf(group_id, sizeof(group_id), "%s" CLIENT_ID, settings->topic_prefix);
    return open_client(settings, KAFKA_CONSUMER, options, ARRAY_LEN(options), NULL, ret, err);
}

/* Comes last in a command, when all is printed: now and then the library takes a second for it. */
void cluster_close(struct cluster *cluster)
{
    if (cluster->client != NULL)
        rd_kafka_destroy_flags(cluster->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    cluster->client = NULL;
}

/* Lets on_error() see what the library has to say. */
static void hear_out(struct cluster *cluster)
{
    if (cluster->kind == KAFKA_PRODUCER) {
        rd_kafka_poll(cluster->client, 0);
        return;
    }

    rd_kafka_message_t *message = rd_kafka_consumer_poll(cluster->client, 0);

    if (message != NULL)
        rd_kafka_message_destroy(message);
}

int cluster_no_answer(struct cluster *cluster, struct error *err)
{
    hear_out(cluster);
    return error_set(err, -ETIMEDOUT, "no answer from %.200s within %d s%s%s",
                     cluster->settings->bootstrap_servers, CLUSTER_TIMEOUT_MS / 1000,
                     cluster->trouble[0] != '\0' ? ": " : "", cluster->trouble);
}

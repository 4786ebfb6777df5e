/* mock_cluster.c - see mock_cluster.h. */
#include "tests/runtime/mock_cluster.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/kafka/topics.h"

#define CONTROLLER 1
#define REBALANCE_DELAY_MS 10
#define KNOCK_MS 2

/*
 * The mock's thread sees what it is told to do when a socket stirs, or else once in a second: so
 * somebody knocks at its door meanwhile.
 */
struct knocking {
    struct sockaddr_in address;
    atomic_bool enough;
    pthread_t thread;
};

static void *knock(void *argument)
{
    struct knocking *knocking = argument;

    while (!atomic_load(&knocking->enough)) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)connect(fd, (struct sockaddr *)&knocking->address, sizeof(knocking->address));
        close(fd);
        (void)poll(NULL, 0, KNOCK_MS);
    }
    return NULL;
}

static void knock_begin(struct knocking *knocking, const struct mock_cluster *cluster)
{
    const char *port = strchr(mock_cluster_address(cluster), ':') + 1;

    *knocking = (struct knocking){
        .address = {.sin_family = AF_INET,
                    .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
    };
    ck_assert_int_eq(pthread_create(&knocking->thread, NULL, knock, knocking), 0);
}

static void knock_end(struct knocking *knocking)
{
    atomic_store(&knocking->enough, true);
    pthread_join(knocking->thread, NULL);
}

/* The first members of the library's own struct, the same in 2.0 to 2.15. */
struct mock_internals {
    char id[32];
    rd_kafka_t *host;
    int32_t controller;
};

/*
 * The mock names broker 0 as the controller, but its brokers begin with 1: DescribeTopics, which
 * the runtime begins with, would look for it for ever. There is no call to change that.
 */
static void set_controller(struct mock_cluster *cluster)
{
    struct mock_internals *internals = (struct mock_internals *)cluster->mock;

    ck_assert_msg(strncmp(internals->id, "mockCluster", strlen("mockCluster")) == 0 &&
                      internals->host == cluster->host && internals->controller == 0,
                  "this librdkafka has another layout of rd_kafka_mock_cluster_s: see its "
                  "rdkafka_mock_int.h");
    internals->controller = CONTROLLER;
}

void mock_cluster_start(struct mock_cluster *cluster, int broker_count)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rd_kafka_conf_set(conf, "log_level", "3", NULL, 0);
    rd_kafka_conf_set(conf, "enable.metrics.push", "false", NULL, 0); /* see client.c */
    cluster->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    ck_assert_msg(cluster->host != NULL, "%s", text);
    cluster->mock = rd_kafka_mock_cluster_new(cluster->host, broker_count);
    ck_assert_ptr_nonnull(cluster->mock);
    set_controller(cluster);
    rd_kafka_mock_group_initial_rebalance_delay_ms(cluster->mock, REBALANCE_DELAY_MS);
    rd_kafka_mock_start_request_tracking(cluster->mock);
}

const char *mock_cluster_address(const struct mock_cluster *cluster)
{
    return rd_kafka_mock_cluster_bootstraps(cluster->mock);
}

void mock_cluster_create_topic(struct mock_cluster *cluster, const char *prefix, enum topic topic,
                               int partition_count)
{
    struct knocking knocking;
    char name[TOPIC_NAME_SIZE];

    topic_name(prefix, topic, name);
    knock_begin(&knocking, cluster);
    ck_assert_int_eq(rd_kafka_mock_topic_create(cluster->mock, name, partition_count, 1), 0);
    knock_end(&knocking);
}

void mock_cluster_lead(struct mock_cluster *cluster, const char *prefix, enum topic topic,
                       int partition_count, int broker)
{
    struct knocking knocking;
    char name[TOPIC_NAME_SIZE];

    topic_name(prefix, topic, name);
    knock_begin(&knocking, cluster);
    for (int32_t p = 0; p < partition_count; p++)
        ck_assert_int_eq(rd_kafka_mock_partition_set_leader(cluster->mock, name, p, broker), 0);
    knock_end(&knocking);
}

void mock_cluster_fail(struct mock_cluster *cluster, enum api api, rd_kafka_resp_err_t code,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        rd_kafka_mock_push_request_errors(cluster->mock, (int16_t)api, 1, code);
}

static void push(struct mock_cluster *cluster, int broker, enum api api, rd_kafka_resp_err_t code,
                 int delay_ms)
{
    ck_assert_int_eq(rd_kafka_mock_broker_push_request_error_rtts(cluster->mock, broker,
                                                                  (int16_t)api, 1, code, delay_ms),
                     0);
}

void mock_cluster_fail_at(struct mock_cluster *cluster, int broker, enum api api,
                          rd_kafka_resp_err_t code)
{
    push(cluster, broker, api, code, 0);
}

void mock_cluster_delay(struct mock_cluster *cluster, int broker, enum api api, int delay_ms,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        push(cluster, broker, api, RD_KAFKA_RESP_ERR_NO_ERROR, delay_ms);
}

void mock_cluster_slow_down(struct mock_cluster *cluster, int delay_ms)
{
    struct knocking knocking;

    knock_begin(&knocking, cluster);
    ck_assert_int_eq(rd_kafka_mock_broker_set_rtt(cluster->mock, -1, delay_ms), 0);
    knock_end(&knocking);
}

void mock_cluster_heal(struct mock_cluster *cluster, enum api api)
{
    rd_kafka_mock_clear_request_errors(cluster->mock, (int16_t)api);
}

void mock_cluster_set_down(struct mock_cluster *cluster)
{
    struct knocking knocking;

    knock_begin(&knocking, cluster);
    ck_assert_int_eq(rd_kafka_mock_broker_set_down(cluster->mock, -1), 0);
    knock_end(&knocking);
}

void mock_cluster_set_up(struct mock_cluster *cluster)
{
    ck_assert_int_eq(rd_kafka_mock_broker_set_up(cluster->mock, -1), 0);
}

size_t mock_cluster_requests(struct mock_cluster *cluster, enum api api)
{
    size_t count, found = 0;
    rd_kafka_mock_request_t **requests = rd_kafka_mock_get_requests(cluster->mock, &count);

    for (size_t i = 0; i < count; i++)
        found += rd_kafka_mock_request_api_key(requests[i]) == (int16_t)api;
    rd_kafka_mock_request_destroy_array(requests, count);
    return found;
}

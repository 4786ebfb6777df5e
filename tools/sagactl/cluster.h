/*
 * cluster.h - one Kafka client for the time of one command. The library's chatter goes nowhere:
 * standard output is for results. What it says last about trouble completes our own error line.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stddef.h>

#include "common/base/error.h"
#include "common/kafka/client.h"
#include "tools/sagactl/settings.h"

/* For the first answer of the cluster, and for each request after it. */
#define CLUSTER_TIMEOUT_MS 10000

struct cluster {
    const struct tool_settings *settings; /* borrowed */
    enum kafka_client_kind kind;
    rd_kafka_t *client;
    char trouble[ERROR_TEXT_SIZE]; /* the library's last complaint; "": none */
};

/* Called from rd_kafka_poll() and rd_kafka_flush(), once per record. */
typedef void delivery_function(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque);

/*
 * Each opens a client; no broker is asked yet. `ret` is the caller's memory, must not move, and is
 * ended with cluster_close(). Returns 0 or -EINVAL, -ENOENT (the properties file).
 */
int cluster_open_admin(const struct tool_settings *settings, struct cluster *ret,
                       struct error *err);
/* A record is delivered, or given up, within CLUSTER_TIMEOUT_MS. */
int cluster_open_producer(const struct tool_settings *settings, delivery_function *on_delivery,
                          struct cluster *ret, struct error *err);
/*
 * For transactions under that id, which end by themselves after `transaction_ms`. Records are not
 * reported on: the commit says it.
 */
int cluster_open_transactional(const struct tool_settings *settings, const char *transactional_id,
                               int transaction_ms, struct cluster *ret, struct error *err);
int cluster_open_consumer(const struct tool_settings *settings, struct cluster *ret,
                          struct error *err);

/* A cluster of zeros is harmless. */
void cluster_close(struct cluster *cluster);

/* "no answer from <brokers> within 10 s: <why>". Returns -ETIMEDOUT. */
int cluster_no_answer(struct cluster *cluster, struct error *err);

/*
 * mock_cluster.h - brokers inside the test process: librdkafka's mock cluster on 127.0.0.1.
 *
 * Good for one thing: what a client does about errors. It proves nothing about exactly-once:
 * aborted records stay visible, nobody is fenced, offsets in transactions are not kept. The
 * integration tests, on a real broker, do that. Threads of the cluster do not survive fork(): start
 * it in the test itself. Failures are Check's.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event/event.h"

/* Keys of the Kafka protocol's requests. */
enum api {
    API_PRODUCE = 0,
    API_FETCH = 1,
    API_LIST_OFFSETS = 2,
    API_METADATA = 3,
    API_OFFSET_FETCH = 9,
    API_FIND_COORDINATOR = 10,
    API_JOIN_GROUP = 11,
    API_HEARTBEAT = 12,
    API_SYNC_GROUP = 14,
    API_INIT_PRODUCER_ID = 22,
    API_ADD_PARTITIONS = 24,
    API_ADD_OFFSETS = 25,
    API_END_TRANSACTION = 26,
    API_OFFSETS_IN_TRANSACTION = 28,
};

struct mock_cluster {
    rd_kafka_t *host; /* the client that the library wants for its own book-keeping */
    rd_kafka_mock_cluster_t *mock;
};

/*
 * Brokers have the numbers 1 .. broker_count; requests are counted from here on. It ends with the
 * process, which is the test's own: taking it down in order would take a second.
 */
void mock_cluster_start(struct mock_cluster *cluster, int broker_count);

/* For bootstrap.servers. Borrowed. */
const char *mock_cluster_address(const struct mock_cluster *cluster);

void mock_cluster_create_topic(struct mock_cluster *cluster, const char *prefix, enum topic topic,
                               int partition_count);

/* Makes that broker the leader of all partitions of a topic. */
void mock_cluster_lead(struct mock_cluster *cluster, const char *prefix, enum topic topic,
                       int partition_count, int broker);

/* The next `count` requests of that kind are answered with that error; __TRANSPORT: not at all, the
   connection is cut. */
void mock_cluster_fail(struct mock_cluster *cluster, enum api api, rd_kafka_resp_err_t code,
                       size_t count);

/* The same, for requests to that broker only. */
void mock_cluster_fail_at(struct mock_cluster *cluster, int broker, enum api api,
                          rd_kafka_resp_err_t code);

/* The next `count` requests of that kind to that broker are answered, but so much later. */
void mock_cluster_delay(struct mock_cluster *cluster, int broker, enum api api, int delay_ms,
                        size_t count);

/* All brokers answer everything so much later; 0: at once again. */
void mock_cluster_slow_down(struct mock_cluster *cluster, int delay_ms);

/* Stops what mock_cluster_fail() has begun. */
void mock_cluster_heal(struct mock_cluster *cluster, enum api api);

/* All brokers: connections are cut and new ones refused, and back again. */
void mock_cluster_set_down(struct mock_cluster *cluster);
void mock_cluster_set_up(struct mock_cluster *cluster);

/* Requests of that kind since the start. */
size_t mock_cluster_requests(struct mock_cluster *cluster, enum api api);

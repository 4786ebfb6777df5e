/*
 * client.h - how this system configures librdkafka: one place for every setting, with its reason.
 * Errors and log lines of the library go to our log; delivery reports are the caller's.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stddef.h>

#include "common/base/cleanup.h"
#include "common/base/error.h"

/* Release of the library's own types that more than one file holds. */
DEFINE_CLEANUP(list_cleanup, rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy)
DEFINE_CLEANUP(kafka_error_cleanup, rd_kafka_error_t, rd_kafka_error_destroy)
DEFINE_CLEANUP(metadata_cleanup, rd_kafka_consumer_group_metadata_t,
               rd_kafka_consumer_group_metadata_destroy)

/* How to reach the broker. All strings are borrowed for as long as the struct is in use. */
struct kafka_config {
    const char *bootstrap_servers;
    const char *properties_file; /* librdkafka properties, "name=value" lines; "": none */
    const char *topic_prefix;    /* before every topic, group and transactional id */
    const char *client_id;       /* "payment-0": shows in the broker's logs and metrics */
};

struct kafka_option {
    const char *name;
    const char *value;
};

enum kafka_client_kind {
    KAFKA_PRODUCER, /* idempotent, acks=all, murmur2_random partitioner; register a dr_msg_cb */
    KAFKA_CONSUMER, /* read_committed, no auto commit, end-of-partition events */
};

/*
 * Common settings of that kind, then the properties file, then `options` (borrowed; may not be
 * overridden by the file). `ret` is owned by the caller until a client is made of it.
 * Returns 0, or -EINVAL (a setting that librdkafka refuses), -ENOENT (no such file).
 */
int kafka_conf_new(const struct kafka_config *config, enum kafka_client_kind kind,
                   const struct kafka_option *options, size_t option_count, rd_kafka_conf_t **ret,
                   struct error *err);

/*
 * Creates the client; takes `conf` in every case. A consumer's main queue is redirected to its
 * consumer queue. `ret` is owned by the caller, ended with rd_kafka_destroy().
 */
int kafka_client_new(rd_kafka_conf_t *conf, enum kafka_client_kind kind, rd_kafka_t **ret,
                     struct error *err);

/* Negative errno and "what: why" for a librdkafka error code; never 0. */
int kafka_error(rd_kafka_resp_err_t code, const char *what, struct error *err);

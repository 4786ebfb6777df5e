/* admin.h - one request to the cluster's admin interface and its reply. Bounded, one at a time. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "common/base/cleanup.h"
#include "common/base/error.h"
#include "tools/sagactl/cluster.h"

struct admin_request {
    rd_kafka_queue_t *replies;
    rd_kafka_AdminOptions_t *options; /* with a time limit of CLUSTER_TIMEOUT_MS */
};

/* Ended with admin_close(); one of zeros is harmless. */
void admin_open(struct cluster *cluster, rd_kafka_admin_op_t operation, struct admin_request *ret);
void admin_close(struct admin_request *request);

/*
 * The reply to what was sent with `request`. `what` completes "cannot ...: why".
 * `ret` is owned by the caller, ended with rd_kafka_event_destroy().
 * Returns 0, -ETIMEDOUT (nobody answers), -EIO (refused as a whole).
 */
int admin_wait(struct cluster *cluster, struct admin_request *request, const char *what,
               rd_kafka_event_t **ret, struct error *err);

DEFINE_CLEANUP(admin_event_cleanup, rd_kafka_event_t, rd_kafka_event_destroy)

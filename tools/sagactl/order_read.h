/*
 * order_read.h - collects the events of one order from the topics themselves: of each topic only
 * the partition of the order, read_committed, from its beginning to the end that it had at the
 * start. No service is asked. The cost is that of the partitions, not of the order.
 */
#pragma once

#include "common/base/error.h"
#include "tools/sagactl/cluster.h"
#include "tools/sagactl/timeline.h"

/*
 * `cluster` is one for consuming, open. Fills and sorts `ret`, which comes empty and is ended with
 * timeline_done() in any case. No event is no error. Records that are no events are passed over:
 * they are in the dead letters.
 * Returns 0, -ENOENT (a topic is missing), -ETIMEDOUT (nobody answers), -EIO, -ENOMEM.
 */
int order_read(struct cluster *cluster, const char *order_id, struct timeline *ret,
               struct error *err);

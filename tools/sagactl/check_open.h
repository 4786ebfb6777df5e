/* check_open.h - transactions that were left open: readers wait where they begin. */
#pragma once

#include "tools/sagactl/check_core.h"
#include "tools/sagactl/cluster.h"

/*
 * Tells the check of each partition of these topics in which a transaction is open. Of a system
 * that works, there are some at any time. Returns 0, -ENOENT (a topic is missing), -ETIMEDOUT or
 * -EIO.
 */
int check_open_transactions(struct cluster *cluster, const enum topic *wanted, size_t count,
                            struct check *check, struct error *err);

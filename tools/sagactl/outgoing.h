/*
 * outgoing.h - events that the operator writes, and what became of each: written, not written, or
 * nobody knows. Not in a transaction: each stands for itself.
 */
#pragma once

#include "common/base/error.h"
#include "common/event/codec.h"
#include "tools/sagactl/cluster.h"

enum delivery {
    DELIVERY_NONE = 0, /* not reported */
    DELIVERY_DONE,
    DELIVERY_FAILED,  /* certainly not written */
    DELIVERY_UNKNOWN, /* sent, but not confirmed */
};

struct outgoing {
    struct event event;
    enum delivery delivery;
    rd_kafka_resp_err_t code; /* why not */
    int64_t offset;           /* of one that is written */
};

/* A new id, now, in a chain of its own whose correlation id is given; the data is the caller's. */
void outgoing_stamp(struct outgoing *outgoing, enum event_type type, const char *correlation_id);

/* Opens `ret` for outgoing_send(). As cluster_open_producer(). */
int outgoing_open(const struct tool_settings *settings, struct cluster *ret, struct error *err);

/*
 * Sends them to their topic, which all have in common, and waits for what becomes of them: see
 * `delivery` of each also after an error. `list` must not move.
 * Returns 0, -ENOENT (no such topic), -EINVAL (an event breaks its schema), -ETIMEDOUT, -EIO.
 */
int outgoing_send(struct cluster *cluster, struct codec *codec, struct outgoing *list, size_t count,
                  struct error *err);

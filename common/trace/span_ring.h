/*
 * span_ring.h - spans that wait to be exported, at most SPANS_MAX: what comes when it is full is
 * dropped and counted. No lock of its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/trace/span.h"

/* Some seconds of a busy service. */
#define SPANS_MAX 2048

struct span_ring {
    size_t first, count;
    uint64_t dropped;
    struct span spans[SPANS_MAX];
};

void span_ring_put(struct span_ring *ring, const struct span *spans, size_t count);

/* Moves at most `max` of the oldest to `out`. Returns how many. */
size_t span_ring_take(struct span_ring *ring, struct span *out, size_t max);

/* span_ring.c - see span_ring.h. */
#include "common/trace/span_ring.h"

void span_ring_put(struct span_ring *ring, const struct span *spans, size_t count)
{
    size_t room = SPANS_MAX - ring->count, taken = count < room ? count : room;

    for (size_t i = 0; i < taken; i++)
        ring->spans[(ring->first + ring->count++) % SPANS_MAX] = spans[i];
    ring->dropped += count - taken;
}

size_t span_ring_take(struct span_ring *ring, struct span *out, size_t max)
{
    size_t taken = 0;

    for (; taken < max && ring->count > 0; taken++, ring->count--) {
        out[taken] = ring->spans[ring->first];
        ring->first = (ring->first + 1) % SPANS_MAX;
    }
    return taken;
}

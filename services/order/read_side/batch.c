/* batch.c - see batch.h. */
#include "services/order/read_side/batch.h"

#include <assert.h>
#include <stdlib.h>

bool batch_has_room(const struct batch *batch)
{
    return batch->count < BATCH_RECORDS_MAX && batch->bytes < BATCH_BYTES_MAX;
}

void batch_add(struct batch *batch, struct partition *partition, rd_kafka_message_t *message,
               int64_t timestamp_ms)
{
    assert(batch->count < BATCH_RECORDS_MAX);
    if (timestamp_ms > partition->latest_ms)
        partition->latest_ms = timestamp_ms;
    batch->bytes += message->len;
    batch->entries[batch->count] = (struct batch_entry){.message = message,
                                                        .partition = partition,
                                                        .latest_ms = partition->latest_ms,
                                                        .arrival = (uint32_t)batch->count};
    batch->count++;
}

/* Partitions stand in memory in the order of their topics. */
static int compare(const void *a, const void *b)
{
    const struct batch_entry *left = a, *right = b;

    if (left->latest_ms != right->latest_ms)
        return left->latest_ms < right->latest_ms ? -1 : 1;
    if (left->partition != right->partition)
        return left->partition < right->partition ? -1 : 1;
    return left->arrival < right->arrival ? -1 : 1;
}

void batch_sort(struct batch *batch)
{
    qsort(batch->entries, batch->count, sizeof(batch->entries[0]), compare);
}

void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        batch->entries[i].partition->latest_ms = INT64_MIN;
        rd_kafka_message_destroy(batch->entries[i].message);
    }
    batch->count = 0;
    batch->bytes = 0;
}

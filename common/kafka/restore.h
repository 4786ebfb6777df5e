/* restore.h - which ends of own topics are still waited for before anything may be decided. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/kafka/publisher.h"
#include "common/kafka/topics.h"

struct restore {
    /* Named, since a partition may reach its end twice. */
    bool waits[TOPIC_COUNT][PARTITIONS_MAX];
    size_t count;
    int64_t told_ms; /* monotonic: when it began, or last told */
};

/* Nothing is waited for yet. */
void restore_begin(struct restore *restore);

void restore_await(struct restore *restore, enum topic topic, int32_t partition);

/* An end was reached. True if it was the last one that was waited for. */
bool restore_note_end(struct restore *restore, enum topic topic, int32_t partition);

/* Logs what is waited for, every now and then; to be called all the time. */
void restore_tell(struct restore *restore, const struct topics *topics);

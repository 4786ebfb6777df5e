/* restore.c - see restore.h. */
#include "common/kafka/restore.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"

#define TELL_EVERY_MS 10000

void restore_begin(struct restore *restore)
{
    memset(restore, 0, sizeof(*restore));
    restore->told_ms = clock_monotonic_ms();
}

void restore_await(struct restore *restore, enum topic topic, int32_t partition)
{
    restore->waits[topic][partition] = true;
    restore->count++;
}

bool restore_note_end(struct restore *restore, enum topic topic, int32_t partition)
{
    if (!restore->waits[topic][partition])
        return false;
    restore->waits[topic][partition] = false;
    return --restore->count == 0;
}

/*
 * Much is to be read; or an end is not to be seen: behind a transaction that was left open there
 * may be own last events, and without knowing them nothing can be decided.
 */
void restore_tell(struct restore *restore, const struct topics *topics)
{
    int64_t now_ms = clock_monotonic_ms();

    if (restore->count == 0 || now_ms - restore->told_ms < TELL_EVERY_MS)
        return;
    restore->told_ms = now_ms;
    for (enum topic topic = 0; topic < TOPIC_COUNT; topic++)
        for (size_t p = 0; p < PARTITIONS_MAX; p++)
            if (restore->waits[topic][p])
                log_warn("still_restoring", "topic=%s partition=%zu waits_for=end",
                         topic_state(topics, topic)->name, p);
}

/*
 * restore.h - own topics are read to their end before anything may be decided: which ends are still
 * waited for, what hides one, and whether the topics still have what the local cache has of them.
 *
 * The consumer reads what is committed, and tells the end of that. It is not the end of the topic
 * while a transaction is open; and one of our own may be open for good, committed as it is: Kafka
 * 4.3 loses the markers of transactions that end while a partition has no leader (KAFKA-20734).
 * Behind such an end may be own last events. restore_next_hidden() names it; the next commit of the
 * same producer there, which is ours alone, shows all that it hides.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/kafka/publisher.h"
#include "common/kafka/topics.h"

struct restore_end {
    bool is_awaited;
    bool is_short; /* the end of what is committed was reached, before `end` */
    bool was_named;
    int64_t end;   /* of the topic, committed or not, when the reading began; 0: not known yet */
    int64_t next;  /* all before it was read */
    int64_t known; /* the cache knows the record before this one, which is read first; 0: none */
};

struct restore {
    struct restore_end of[TOPIC_COUNT][PARTITIONS_MAX];
    size_t count;     /* of those that are awaited, */
    size_t unseen;    /* and of those with something known that was not seen yet */
    int64_t moved_ms; /* monotonic: when it began, read something, or looked for what is hidden */
    int64_t told_ms;  /* monotonic: when it began, or last told */
};

/* Nothing is waited for yet. */
void restore_begin(struct restore *restore);

/*
 * An own topic's partition, of which the cache knows all before `next`, is going to be read.
 * Returns where from: at the last record that is known, to see that it is there.
 */
int64_t restore_read(struct restore *restore, enum topic topic, int32_t partition, int64_t next,
                     bool is_awaited);

/* True: it wants to be told of records. */
bool restore_is_curious(const struct restore *restore);

/*
 * A record of an own topic was read. `consumer` and `record` are borrowed. Returns 1 if it was the
 * last one awaited; 0; or -EUCLEAN: the topic has lost what the cache has.
 */
int restore_note_record(struct restore *restore, rd_kafka_t *consumer, enum topic topic,
                        const rd_kafka_message_t *record, struct error *err);

/* What is committed was read to its end, of whichever topic. Returns as the above. */
int restore_note_end(struct restore *restore, rd_kafka_t *consumer, enum topic topic,
                     const rd_kafka_message_t *end, struct error *err);

/*
 * Names an end that is hidden: there is more than can be read, it has been so for a while, and the
 * leader is there. TOPIC_NONE: none. Each is named once. May ask leaders, for half a second each.
 */
enum topic restore_next_hidden(struct restore *restore, rd_kafka_t *consumer,
                               const struct topics *topics, int32_t *partition);

/* Logs what is waited for, every now and then; to be called all the time. */
void restore_tell(struct restore *restore, const struct topics *topics);

/*
 * dead_letter.h - a refused record for the dead-letter topic: the bytes unchanged, its own headers,
 * and where it came from and why in five more; and how it comes back. Not a sender: see
 * publisher_send_record(), and tools/sagactl for the operator's part.
 *
 * In <service>.replays stand, each with the dead_letter_id "<service>/<partition>/<offset>" of a
 * dead letter:
 *   - the refused record, to be decided upon as if it came from its own topic;
 *   - marks without a value, of letters that are done with, as dead_letter_resolution says:
 *     discarded, or replayed to a topic that the operator writes.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/event/event.h"

/* Bytes of the cause that are kept. */
#define DEAD_LETTER_CAUSE_MAX 512

#define DEAD_LETTER_CAUSE "dead_letter_cause"
#define DEAD_LETTER_TOPIC "dead_letter_topic"
#define DEAD_LETTER_PARTITION "dead_letter_partition"
#define DEAD_LETTER_OFFSET "dead_letter_offset"
#define DEAD_LETTER_SERVICE "dead_letter_service"
/* Of a replayed record: the letter that it was. A letter that has it was refused once more. */
#define DEAD_LETTER_ID "dead_letter_id"
#define DEAD_LETTER_RESOLUTION "dead_letter_resolution"
#define DEAD_LETTER_DISCARDED "discarded"
#define DEAD_LETTER_REPLAYED "replayed"

/*
 * The record's headers, and the first five above, with offset and partition as decimal text. Those
 * of an earlier refusal are not kept. Owned by the caller.
 */
rd_kafka_headers_t *dead_letter_headers(const rd_kafka_message_t *record, const char *service,
                                        const char *cause);

/* True for a record of a replays topic that only says what became of a letter. */
bool dead_letter_is_mark(const rd_kafka_message_t *record);

/*
 * Why an event may not be decided upon when it is replayed, or NULL. Static.
 *   - Its topic is the operator's: what tells its records apart is their offset there, so that is
 *     where it is replayed to.
 *   - It is older than what its topic keeps: the last events of its order may be gone, and the
 *     order would begin anew.
 */
const char *dead_letter_obstacle(const struct event *event, int64_t now_ms);

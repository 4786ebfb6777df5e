/*
 * order_sequence.h - in which order the events of one order are told while they arrive. Pure.
 *
 * Topics are independent: an effect may be here before its cause. It is then held back until its
 * cause was told; and with it what stands behind it in its topic, because a reader's position is
 * one offset per topic, and must not skip what it has not been told.
 */
#pragma once

#include "common/event/order_view.h"

/* Where a reader stands: the next offset of each of history_topics, in the order's partition. */
#define ORDER_POSITIONS 5

/*
 * An effect whose cause has not come so long after it (by its own time) is told without: the cause
 * has expired, or never existed.
 */
#define CAUSE_WAIT_MS 30000

/* May a cause of something of that time still come? False also for a time that is far ahead. */
bool order_cause_may_come(int64_t timestamp_ms, int64_t now_ms);

/*
 * The entry to be told next: each cause before its effect, else the earliest; NULL: there is none,
 * and `ret_held` says if one waits for its cause. Causes outside of the order topics, which only
 * the events of `orders` have, are not waited for.
 */
const struct order_entry *order_sequence_next(const struct order_entry *entries, size_t count,
                                              const int64_t positions[ORDER_POSITIONS],
                                              int64_t now_ms, bool *ret_held);

/* The entry is told: the position moves behind it. */
void order_sequence_pass(const struct order_entry *entry, int64_t positions[ORDER_POSITIONS]);

/* Which of history_topics the entry is from. */
size_t order_sequence_topic(const struct order_entry *entry);

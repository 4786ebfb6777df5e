/*
 * work_log.h - what a batch says in the log about its records. Private to work.c.
 */
#pragma once

#include <librdkafka/rdkafka.h>

#include "common/event/decision.h"

void log_foreign_record(const rd_kafka_message_t *record, const char *reason);

/* `event`: what it says, NULL if it is no event. `traceparent`: its header or "", as below. */
void log_dead_letter(const rd_kafka_message_t *record, const struct event *event,
                     const char *traceparent, const char *cause);

void log_decision(const struct event *input, const struct event *last,
                  const struct decision *decision, const char *traceparent);

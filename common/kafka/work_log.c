/* work_log.c - see work_log.h. */
#include "common/kafka/work_log.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "common/trace/context.h"

void log_foreign_record(const rd_kafka_message_t *record, const char *reason)
{
    log_warn("foreign_record_in_ledger", "topic=%s partition=%d offset=%" PRId64 " reason=%s",
             rd_kafka_topic_name(record->rkt), (int)record->partition, record->offset,
             LOG_TEXT(reason));
}

void log_dead_letter(const rd_kafka_message_t *record, const struct event *event,
                     const char *traceparent, const char *cause)
{
    char trace_id[TRACE_ID_SIZE];

    traceparent_id(traceparent, trace_id);
    log_warn("dead_letter",
             "topic=%s partition=%d offset=%" PRId64 " order_id=%s trace_id=%s cause=%s",
             rd_kafka_topic_name(record->rkt), (int)record->partition, record->offset,
             event != NULL ? event->correlation_id : "-", trace_id, LOG_TEXT(cause));
}

void log_decision(const struct event *input, const struct event *last,
                  const struct decision *decision, const char *traceparent)
{
    const char *to = decision->event_count > 0 ? event_type_name(decision->events[0].type) : "-";
    char trace_id[TRACE_ID_SIZE];

    traceparent_id(traceparent, trace_id);
    log_debug("decision", "event_id=%s order_id=%s trace_id=%s input=%s from=%s to=%s",
              input->event_id, input->correlation_id, trace_id, event_type_name(input->type),
              event_type_name(last->type), to);
}

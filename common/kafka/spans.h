/*
 * spans.h - what a batch's decisions look like in traces: a span for an input that something came
 * of, with one below it for each event sent, whose header carries it on. They are kept until their
 * transaction is committed; of a batch that is dropped there are none, as there are no events.
 * Without a tracer, or in a trace that is not sampled, headers are passed on as they came.
 */
#pragma once

#include <librdkafka/rdkafka.h>

#include "common/event/event.h"
#include "common/kafka/topics.h"
#include "common/trace/tracer.h"

/* Of one batch; more are dropped. Most decisions make two. */
#define SPANS_BATCH_MAX 4096

struct spans;

/* `tracer` and `topics` are borrowed; without a tracer `ret` is NULL, which all others take. */
int spans_new(struct tracer *tracer, const struct topics *topics, struct spans **ret,
              struct error *err);
void spans_free(struct spans *spans);

/*
 * Something comes of `record`, with this header, which afterwards is that of the span.
 *
 * input   NULL: it is no event.
 * error   static; NULL: none.
 */
void spans_process(struct spans *spans, const rd_kafka_message_t *record, const struct event *input,
                   const char *error, char traceparent[TRACEPARENT_SIZE]);

/* The header of an event that is sent because of that. */
void spans_send(struct spans *spans, const struct event *event, const char *traceparent,
                char out[TRACEPARENT_SIZE]);

/* All of them ended now, or have never been. */
void spans_commit(struct spans *spans);
void spans_drop(struct spans *spans);

/*
 * Begins the span of an event that is sent below `traceparent` (NULL or "": nothing), and writes
 * the event's header, "" if it has none. False: there is no span to be ended.
 */
bool span_begin_send(struct tracer *tracer, const struct event *event, const char *traceparent,
                     char out[TRACEPARENT_SIZE], struct span *ret);

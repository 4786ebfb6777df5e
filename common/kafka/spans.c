/* spans.c - see spans.h. */
#include "common/kafka/spans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"

struct spans {
    struct tracer *tracer;
    const struct topics *topics;
    size_t count;
    struct span spans[SPANS_BATCH_MAX];
};

int spans_new(struct tracer *tracer, const struct topics *topics, struct spans **ret,
              struct error *err)
{
    *ret = NULL;
    if (tracer == NULL)
        return 0;
    *ret = malloc(sizeof(**ret));
    if (*ret == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    (*ret)->tracer = tracer;
    (*ret)->topics = topics;
    (*ret)->count = 0;
    return 0;
}

void spans_free(struct spans *spans)
{
    free(spans);
}

static void name_event(const struct event *event, struct span_message *message)
{
    str_copy(message->message_id, UUID_SIZE, event->event_id);
    str_copy(message->conversation_id, UUID_SIZE, event->correlation_id);
}

/* As tracer_begin(), from text to text. */
static bool begin(struct tracer *tracer, enum span_kind kind, const char *traceparent,
                  char out[TRACEPARENT_SIZE], struct span *ret)
{
    struct trace_context context;
    bool has_parent =
        traceparent != NULL && trace_context_read(traceparent, strlen(traceparent), &context);
    bool has_span = tracer_begin(tracer, kind, has_parent, &context, ret);

    out[0] = '\0';
    if (has_parent || tracer != NULL)
        trace_context_write(&context, out);
    return has_span;
}

static void keep(struct spans *spans, const struct span *span)
{
    if (spans->count == SPANS_BATCH_MAX)
        spans_commit(spans); /* a little early, rather than not at all */
    spans->spans[spans->count++] = *span;
}

void spans_process(struct spans *spans, const rd_kafka_message_t *record, const struct event *input,
                   const char *error, char traceparent[TRACEPARENT_SIZE])
{
    struct span span;
    enum topic topic;

    if (spans == NULL || !begin(spans->tracer, SPAN_CONSUMER, traceparent, traceparent, &span))
        return;
    topic = topic_by_name(spans->topics, rd_kafka_topic_name(record->rkt));
    span.error = error;
    span.message = (struct span_message){
        .topic = topic_info(topic)->name, .partition = record->partition, .offset = record->offset};
    if (input != NULL)
        name_event(input, &span.message);
    keep(spans, &span);
}

void spans_send(struct spans *spans, const struct event *event, const char *traceparent,
                char out[TRACEPARENT_SIZE])
{
    struct span span;

    if (spans == NULL)
        memcpy(out, traceparent, TRACEPARENT_SIZE);
    else if (span_begin_send(spans->tracer, event, traceparent, out, &span))
        keep(spans, &span);
}

void spans_commit(struct spans *spans)
{
    int64_t now_ns;

    if (spans == NULL || spans->count == 0)
        return;
    now_ns = trace_now_ns();
    for (size_t i = 0; i < spans->count; i++)
        spans->spans[i].end_ns = now_ns;
    tracer_take(spans->tracer, spans->spans, spans->count);
    spans->count = 0;
}

void spans_drop(struct spans *spans)
{
    if (spans != NULL)
        spans->count = 0;
}

bool span_begin_send(struct tracer *tracer, const struct event *event, const char *traceparent,
                     char out[TRACEPARENT_SIZE], struct span *ret)
{
    if (!begin(tracer, SPAN_PRODUCER, traceparent, out, ret))
        return false;
    ret->message = (struct span_message){.topic = topic_info(event_topic(event->type))->name};
    name_event(event, &ret->message);
    return true;
}

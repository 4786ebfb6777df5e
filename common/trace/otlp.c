/* otlp.c - see otlp.h. */
#include "common/trace/otlp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#define SCOPE "order-saga"
#define NAME_SIZE 400
#define NUMBER_SIZE 24
#define STATUS_ERROR 2

struct writer {
    const struct otlp_source *source;
    yyjson_mut_doc *doc;
};

/* Without memory a value is NULL, and adding it fails; the document then lacks it. */
static void add_value(const struct writer *writer, yyjson_mut_val *attributes, const char *key,
                      const char *type, yyjson_mut_val *value)
{
    yyjson_mut_val *attribute = yyjson_mut_arr_add_obj(writer->doc, attributes), *typed;

    yyjson_mut_obj_add_str(writer->doc, attribute, "key", key);
    typed = yyjson_mut_obj_add_obj(writer->doc, attribute, "value");
    yyjson_mut_obj_add_val(writer->doc, typed, type, value);
}

static void add_text(const struct writer *writer, yyjson_mut_val *attributes, const char *key,
                     const char *text)
{
    add_value(writer, attributes, key, "stringValue", yyjson_mut_strcpy(writer->doc, text));
}

static yyjson_mut_val *number(const struct writer *writer, int64_t value)
{
    char text[NUMBER_SIZE];

    snprintf(text, sizeof(text), "%" PRId64, value);
    return yyjson_mut_strcpy(writer->doc, text);
}

static void add_number(const struct writer *writer, yyjson_mut_val *attributes, const char *key,
                       int64_t value)
{
    add_value(writer, attributes, key, "intValue", number(writer, value));
}

static void add_id(const struct writer *writer, yyjson_mut_val *object, const char *key,
                   const uint8_t *id, size_t size)
{
    char text[TRACE_ID_SIZE];

    hex_write(id, size, text);
    yyjson_mut_obj_add_strcpy(writer->doc, object, key, text);
}

/* Its path would have the order's id. */
static void add_request(const struct writer *writer, yyjson_mut_val *attributes,
                        const struct span_request *request)
{
    add_text(writer, attributes, "http.request.method", request->method);
    add_text(writer, attributes, "http.route", request->route);
    add_text(writer, attributes, "url.path", request->route);
    add_text(writer, attributes, "url.scheme", "http");
    add_number(writer, attributes, "http.response.status_code", request->status);
}

static void add_message(const struct writer *writer, yyjson_mut_val *attributes,
                        const struct span *span)
{
    const struct span_message *message = &span->message;
    const char *operation = span->kind == SPAN_CONSUMER ? "process" : "send";
    char text[NAME_SIZE];

    snprintf(text, sizeof(text), "%s%s", writer->source->topic_prefix, message->topic);
    add_text(writer, attributes, "messaging.system", "kafka");
    add_text(writer, attributes, "messaging.operation.name", operation);
    add_text(writer, attributes, "messaging.operation.type", operation);
    add_text(writer, attributes, "messaging.destination.name", text);
    if (message->message_id[0] != '\0')
        add_text(writer, attributes, "messaging.message.id", message->message_id);
    if (message->conversation_id[0] != '\0')
        add_text(writer, attributes, "messaging.message.conversation_id", message->conversation_id);
    if (span->kind != SPAN_CONSUMER)
        return;
    snprintf(text, sizeof(text), "%" PRId32, message->partition);
    add_text(writer, attributes, "messaging.destination.partition.id", text);
    add_number(writer, attributes, "messaging.kafka.offset", message->offset);
    add_text(writer, attributes, "messaging.consumer.group.name", writer->source->consumer_group);
}

static void add_name(const struct writer *writer, yyjson_mut_val *object, const struct span *span)
{
    char name[NAME_SIZE];

    if (span->kind == SPAN_SERVER)
        snprintf(name, sizeof(name), "%s %s", span->request.method, span->request.route);
    else
        snprintf(name, sizeof(name), "%s %s%s", span->kind == SPAN_CONSUMER ? "process" : "send",
                 writer->source->topic_prefix, span->message.topic);
    yyjson_mut_obj_add_strcpy(writer->doc, object, "name", name);
}

/* A server's is its status; what the client has done wrong is no error of ours. NULL: none. */
static const char *error_type(const struct span *span, char buffer[NUMBER_SIZE])
{
    if (span->kind != SPAN_SERVER)
        return span->error;
    if (span->request.status < 500)
        return NULL;
    snprintf(buffer, NUMBER_SIZE, "%u", span->request.status);
    return buffer;
}

static void add_span(const struct writer *writer, yyjson_mut_val *spans, const struct span *span)
{
    static const uint8_t none[SPAN_ID_BYTES];
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(writer->doc, spans), *attributes, *status;
    char buffer[NUMBER_SIZE];
    const char *error = error_type(span, buffer);

    add_id(writer, object, "traceId", span->context.trace_id, TRACE_ID_BYTES);
    add_id(writer, object, "spanId", span->context.span_id, SPAN_ID_BYTES);
    if (memcmp(span->parent_id, none, SPAN_ID_BYTES) != 0)
        add_id(writer, object, "parentSpanId", span->parent_id, SPAN_ID_BYTES);
    yyjson_mut_obj_add_uint(writer->doc, object, "flags", span->context.flags);
    add_name(writer, object, span);
    yyjson_mut_obj_add_int(writer->doc, object, "kind", span->kind);
    yyjson_mut_obj_add_val(writer->doc, object, "startTimeUnixNano",
                           number(writer, span->start_ns));
    yyjson_mut_obj_add_val(writer->doc, object, "endTimeUnixNano", number(writer, span->end_ns));
    attributes = yyjson_mut_obj_add_arr(writer->doc, object, "attributes");
    if (span->kind == SPAN_SERVER)
        add_request(writer, attributes, &span->request);
    else
        add_message(writer, attributes, span);
    if (error == NULL)
        return;
    add_text(writer, attributes, "error.type", error);
    status = yyjson_mut_obj_add_obj(writer->doc, object, "status");
    yyjson_mut_obj_add_int(writer->doc, status, "code", STATUS_ERROR);
}

static void add_resource(const struct writer *writer, yyjson_mut_val *group)
{
    yyjson_mut_val *resource = yyjson_mut_obj_add_obj(writer->doc, group, "resource");
    yyjson_mut_val *attributes = yyjson_mut_obj_add_arr(writer->doc, resource, "attributes");

    add_text(writer, attributes, "service.name", writer->source->service_name);
    add_text(writer, attributes, "service.version", writer->source->service_version);
    add_text(writer, attributes, "service.instance.id", writer->source->instance);
}

char *otlp_encode(const struct otlp_source *source, const struct span *spans, size_t count,
                  size_t *ret_len)
{
    const struct writer writer = {source, yyjson_mut_doc_new(NULL)};
    yyjson_mut_val *root, *group, *scoped, *scope, *list;
    char *text;

    if (writer.doc == NULL)
        return NULL;
    root = yyjson_mut_obj(writer.doc);
    yyjson_mut_doc_set_root(writer.doc, root);
    group = yyjson_mut_arr_add_obj(writer.doc,
                                   yyjson_mut_obj_add_arr(writer.doc, root, "resourceSpans"));
    add_resource(&writer, group);
    scoped =
        yyjson_mut_arr_add_obj(writer.doc, yyjson_mut_obj_add_arr(writer.doc, group, "scopeSpans"));
    scope = yyjson_mut_obj_add_obj(writer.doc, scoped, "scope");
    yyjson_mut_obj_add_str(writer.doc, scope, "name", SCOPE);
    yyjson_mut_obj_add_str(writer.doc, scope, "version", source->service_version);
    list = yyjson_mut_obj_add_arr(writer.doc, scoped, "spans");
    for (size_t i = 0; i < count; i++)
        add_span(&writer, list, &spans[i]);
    text = yyjson_mut_write(writer.doc, 0, ret_len);
    yyjson_mut_doc_free(writer.doc);
    return text;
}

/* Numbers of 64 bits are texts, but not everybody has read that. */
int64_t otlp_rejected(const char *body, size_t len)
{
    yyjson_doc *doc = yyjson_read(body, len, 0);
    yyjson_val *partial = yyjson_obj_get(yyjson_doc_get_root(doc), "partialSuccess");
    yyjson_val *rejected = yyjson_obj_get(partial, "rejectedSpans");
    int64_t count = yyjson_is_str(rejected) ? strtoll(yyjson_get_str(rejected), NULL, 10)
                                            : yyjson_get_sint(rejected);

    yyjson_doc_free(doc);
    return count > 0 ? count : 0;
}

/* test_trace.c - trace contexts, who is sampled, the ring, and the JSON of OTLP. */
#include <jansson.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/util.h"
#include "common/trace/context.h"
#include "common/trace/otlp.h"
#include "common/trace/span_ring.h"
#include "common/trace/tracer.h"
#include "suite.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define NOWHERE "http://127.0.0.1:9" /* nobody listens there */

/* ------------------------------------------------------------------------------------ contexts */

START_TEST(a_header_is_read_and_written_back)
{
    static const char *const headers[] = {"00-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-00",
                                          "00-" TRACE "-" SPAN "-ff"};
    struct trace_context context;
    char text[TRACEPARENT_SIZE], id[TRACE_ID_SIZE];

    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        ck_assert(trace_context_read(headers[i], strlen(headers[i]), &context));
        ck_assert(traceparent_is_valid(headers[i], strlen(headers[i])));
        trace_context_write(&context, text);
        ck_assert_str_eq(text, headers[i]);
    }
    ck_assert_uint_eq(context.trace_id[0], 0x4b);
    ck_assert_uint_eq(context.span_id[7], 0xb7);
    traceparent_id(text, id);
    ck_assert_str_eq(id, TRACE);
    traceparent_id("", id);
    ck_assert_str_eq(id, "-");
}
END_TEST

START_TEST(a_header_of_a_later_version_is_understood_as_ours)
{
    static const char *const headers[] = {"01-" TRACE "-" SPAN "-03",
                                          "cc-" TRACE "-" SPAN "-01-what-comes-then"};
    struct trace_context context;
    char text[TRACEPARENT_SIZE];

    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        ck_assert(trace_context_read(headers[i], strlen(headers[i]), &context));
        ck_assert(!traceparent_is_valid(headers[i], strlen(headers[i])));
        trace_context_write(&context, text);
        ck_assert_str_eq(text, "00-" TRACE "-" SPAN "-01");
    }
}
END_TEST

static const char *const malformed[] = {
    "",
    "00",
    "00-" TRACE "-" SPAN "-0",
    "00-" TRACE "-" SPAN "-01-",
    "00-" TRACE "-" SPAN "-010",
    "01-" TRACE "-" SPAN "-01x",
    "ff-" TRACE "-" SPAN "-01",
    "0x-" TRACE "-" SPAN "-01",
    "00_" TRACE "-" SPAN "-01",
    "00-" TRACE "_" SPAN "-01",
    "00-" TRACE "-" SPAN "_01",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
    "00-4bf92f3577b34da6a3ce929d0e0e473g-" SPAN "-01",
    "00-00000000000000000000000000000000-" SPAN "-01",
    "00-" TRACE "-0000000000000000-01",
    "00-" TRACE "-" SPAN "-0g",
};

START_TEST(a_malformed_header_is_none)
{
    struct trace_context context;

    ck_assert(!trace_context_read(malformed[_i], strlen(malformed[_i]), &context));
    ck_assert(!traceparent_is_valid(malformed[_i], strlen(malformed[_i])));
}
END_TEST

START_TEST(new_traces_differ)
{
    struct trace_context one, other;

    trace_context_new(TRACE_SAMPLED, &one);
    trace_context_new(TRACE_SAMPLED, &other);
    ck_assert_mem_ne(one.trace_id, other.trace_id, TRACE_ID_BYTES);
    ck_assert_mem_ne(one.span_id, other.span_id, SPAN_ID_BYTES);
    ck_assert_uint_eq(one.flags, TRACE_SAMPLED);
}
END_TEST

/* -------------------------------------------------------------------------------------- tracer */

static const struct otlp_source source = {.service_name = "order-saga-test",
                                          .service_version = "1.2",
                                          .instance = "7",
                                          .topic_prefix = "dev-",
                                          .consumer_group = "dev-test"};

static struct tracer *new_tracer(enum trace_sampler sampler, double ratio)
{
    const struct tracer_config config = {
        .endpoint = NOWHERE, .source = source, .sampler = sampler, .ratio = ratio};
    struct tracer *tracer;
    struct error err = {""};

    ck_assert_msg(tracer_new(&config, &tracer, &err) == 0, "%s", err.text);
    return tracer;
}

static struct trace_context parent_context(uint8_t flags)
{
    struct trace_context context;

    ck_assert(trace_context_read("00-" TRACE "-" SPAN "-00", TRACEPARENT_SIZE - 1, &context));
    context.flags = flags;
    return context;
}

START_TEST(a_span_below_another_is_in_its_trace)
{
    struct tracer *tracer = new_tracer(SAMPLER_ALWAYS_OFF, 1); /* others decide for their traces */
    struct trace_context parent = parent_context(TRACE_SAMPLED), context = parent;
    struct span span;

    ck_assert(tracer_begin(tracer, SPAN_CONSUMER, true, &context, &span));
    ck_assert_mem_eq(span.context.trace_id, parent.trace_id, TRACE_ID_BYTES);
    ck_assert_mem_eq(span.parent_id, parent.span_id, SPAN_ID_BYTES);
    ck_assert_mem_ne(span.context.span_id, parent.span_id, SPAN_ID_BYTES);
    ck_assert_mem_eq(&context, &span.context, sizeof(context));
    tracer_free(tracer);
}
END_TEST

START_TEST(a_trace_that_is_not_sampled_goes_on_as_it_is)
{
    struct tracer *tracer = new_tracer(SAMPLER_ALWAYS_ON, 1);
    struct trace_context parent = parent_context(0), context = parent;
    struct span span;

    ck_assert(!tracer_begin(tracer, SPAN_CONSUMER, true, &context, &span));
    ck_assert_mem_eq(&context, &parent, sizeof(context));
    context = parent = parent_context(TRACE_SAMPLED);
    ck_assert(!tracer_begin(NULL, SPAN_CONSUMER, true, &context, &span));
    ck_assert_mem_eq(&context, &parent, sizeof(context));
    tracer_free(tracer);
}
END_TEST

static int sampled_of_1000(enum trace_sampler sampler, double ratio)
{
    static const uint8_t none[SPAN_ID_BYTES];
    struct tracer *tracer = new_tracer(sampler, ratio);
    int sampled = 0;

    for (int i = 0; i < 1000; i++) {
        struct trace_context context;
        struct span span;
        bool has_span = tracer_begin(tracer, SPAN_SERVER, false, &context, &span);

        ck_assert_int_eq(context.flags, has_span);
        if (has_span)
            ck_assert_mem_eq(span.parent_id, none, SPAN_ID_BYTES);
        sampled += has_span;
    }
    tracer_free(tracer);
    return sampled;
}

START_TEST(the_sampler_decides_for_new_traces)
{
    int half = sampled_of_1000(SAMPLER_RATIO, 0.5);

    ck_assert_int_eq(sampled_of_1000(SAMPLER_ALWAYS_ON, 0), 1000);
    ck_assert_int_eq(sampled_of_1000(SAMPLER_ALWAYS_OFF, 1), 0);
    ck_assert_int_eq(sampled_of_1000(SAMPLER_RATIO, 1), 1000);
    ck_assert_int_eq(sampled_of_1000(SAMPLER_RATIO, 0), 0);
    ck_assert(half > 350 && half < 650);
}
END_TEST

/* Nobody waits for a receiver that is away, neither with a span nor at the end. */
START_TEST(spans_that_nobody_takes_are_dropped_and_counted)
{
    struct tracer *tracer = new_tracer(SAMPLER_ALWAYS_ON, 1);
    struct tracer_counts counts;
    struct span span = {.kind = SPAN_PRODUCER, .message = {.topic = "orders"}};
    const uint64_t all = 3 * SPANS_MAX;

    for (uint64_t i = 0; i < all; i++)
        tracer_end(tracer, &span);
    tracer_counts(tracer, &counts);
    ck_assert_uint_gt(counts.dropped, 0);
    ck_assert_uint_le(counts.dropped, all - SPANS_MAX);
    ck_assert_uint_eq(counts.exported, 0);
    tracer_flush(tracer, 300);
    tracer_counts(tracer, &counts);
    ck_assert_uint_eq(counts.dropped + counts.failed, all);
    tracer_counts(NULL, &counts);
    ck_assert_uint_eq(counts.dropped + counts.failed + counts.exported, 0);
    tracer_free(tracer);
}
END_TEST

/* ---------------------------------------------------------------------------------------- ring */

START_TEST(the_ring_keeps_what_it_has_and_counts_what_it_drops)
{
    static struct span_ring ring;
    static struct span in[SPANS_MAX + 10], out[SPANS_MAX];

    for (size_t i = 0; i < ARRAY_LEN(in); i++)
        in[i].start_ns = (int64_t)i;
    for (int round = 0; round < 3; round++) { /* its start goes round */
        span_ring_put(&ring, in, SPANS_MAX - 5);
        ck_assert_uint_eq(span_ring_take(&ring, out, 100), 100);
        ck_assert_int_eq(out[99].start_ns, 99);
        span_ring_put(&ring, in, ARRAY_LEN(in));
        ck_assert_uint_eq(ring.count, SPANS_MAX);
        ck_assert_uint_eq(ring.dropped, (uint64_t)(round + 1) * (ARRAY_LEN(in) - 105));
        ck_assert_uint_eq(span_ring_take(&ring, out, SPANS_MAX), SPANS_MAX);
        ck_assert_int_eq(out[0].start_ns, 100);
        ck_assert_int_eq(out[SPANS_MAX - 1].start_ns, 104);
        ck_assert_uint_eq(span_ring_take(&ring, out, SPANS_MAX), 0);
    }
}
END_TEST

/* ---------------------------------------------------------------------------------------- OTLP */

/* The document of one span; the caller releases it. */
static json_t *encode(struct span *span)
{
    CLEANUP(free_ptr) char *text = NULL;
    json_t *document;
    size_t len;

    span->context = parent_context(TRACE_SAMPLED);
    span->start_ns = INT64_C(1795536937123456789);
    span->end_ns = INT64_C(1795536937223456789);
    text = otlp_encode(&source, span, 1, &len);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(strlen(text), len);
    document = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(document);
    return document;
}

static const json_t *only(const json_t *object, const char *list)
{
    const json_t *array = json_object_get(object, list);

    ck_assert_uint_eq(json_array_size(array), 1);
    return json_array_get(array, 0);
}

static void assert_attributes(const json_t *object, const char *expected)
{
    char text[1000] = "";
    const json_t *attribute;
    size_t i;

    json_array_foreach (json_object_get(object, "attributes"), i, attribute) {
        json_t *typed = json_object_get(attribute, "value"), *value;
        const char *type;

        json_object_foreach (typed, type, value) {
            ck_assert_msg(json_is_string(value), "a value is no text");
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %s %s\n",
                     json_string_value(json_object_get(attribute, "key")), type,
                     json_string_value(value));
        }
    }
    ck_assert_str_eq(text, expected);
}

/* Members but for attributes, in their order, as text; and the attributes. */
static void assert_encoded(struct span *span, const char *members, const char *attributes)
{
    json_t *document = encode(span);
    const json_t *group = only(document, "resourceSpans"), *scoped = only(group, "scopeSpans");
    json_t *object = json_deep_copy(only(scoped, "spans"));
    char *text;

    assert_attributes(object, attributes);
    json_object_del(object, "attributes");
    text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
    ck_assert_str_eq(text, members);
    free(text);
    json_decref(object);
    json_decref(document);
}

#define IDS "{\"traceId\":\"" TRACE "\",\"spanId\":\"" SPAN "\","
#define TIMES                                                                                      \
    "\"startTimeUnixNano\":\"1795536937123456789\",\"endTimeUnixNano\":\"1795536937223456789\""

START_TEST(a_server_span_is_written_by_the_conventions)
{
    struct span span = {.kind = SPAN_SERVER,
                        .request = {.method = "POST", .route = "/v1/orders/{id}", .status = 201}};

    assert_encoded(&span, IDS "\"flags\":1,\"name\":\"POST /v1/orders/{id}\",\"kind\":2," TIMES "}",
                   "http.request.method stringValue POST\n"
                   "http.route stringValue /v1/orders/{id}\n"
                   "url.path stringValue /v1/orders/{id}\n"
                   "url.scheme stringValue http\n"
                   "http.response.status_code intValue 201\n");
}
END_TEST

START_TEST(the_resource_says_who_exports)
{
    struct span span = {.kind = SPAN_PRODUCER, .message = {.topic = "orders"}};
    json_t *document = encode(&span);

    assert_attributes(json_object_get(only(document, "resourceSpans"), "resource"),
                      "service.name stringValue order-saga-test\n"
                      "service.version stringValue 1.2\n"
                      "service.instance.id stringValue 7\n");
    json_decref(document);
}
END_TEST

START_TEST(a_server_error_is_one_and_a_client_error_is_none)
{
    static const unsigned statuses[] = {503, 422};
    struct span span = {.kind = SPAN_SERVER, .request = {.method = "POST", .route = "/"}};

    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        json_t *document;
        const json_t *object, *status;

        span.request.status = statuses[i];
        document = encode(&span);
        object = only(only(only(document, "resourceSpans"), "scopeSpans"), "spans");
        status = json_object_get(object, "status");
        ck_assert(i == 0 ? json_integer_value(json_object_get(status, "code")) == 2
                         : status == NULL);
        ck_assert_uint_eq(json_array_size(json_object_get(object, "attributes")), i == 0 ? 6 : 5);
        json_decref(document);
    }
}
END_TEST

START_TEST(a_consumer_span_is_written_by_the_conventions)
{
    struct span span = {.kind = SPAN_CONSUMER,
                        .parent_id = {0, 0, 0, 0, 0, 0, 0, 0xf},
                        .error = "dead_letter",
                        .message = {.topic = "orders",
                                    .message_id = "m",
                                    .conversation_id = "c",
                                    .partition = 3,
                                    .offset = INT64_C(9007199254740993)}};

    assert_encoded(&span,
                   IDS "\"parentSpanId\":\"000000000000000f\",\"flags\":1,"
                       "\"name\":\"process dev-orders\",\"kind\":5," TIMES
                       ",\"status\":{\"code\":2}}",
                   "messaging.system stringValue kafka\n"
                   "messaging.operation.name stringValue process\n"
                   "messaging.operation.type stringValue process\n"
                   "messaging.destination.name stringValue dev-orders\n"
                   "messaging.message.id stringValue m\n"
                   "messaging.message.conversation_id stringValue c\n"
                   "messaging.destination.partition.id stringValue 3\n"
                   "messaging.kafka.offset intValue 9007199254740993\n"
                   "messaging.consumer.group.name stringValue dev-test\n"
                   "error.type stringValue dead_letter\n");
}
END_TEST

START_TEST(a_producer_span_knows_no_place_yet)
{
    struct span span = {.kind = SPAN_PRODUCER, .message = {.topic = "orders"}};

    assert_encoded(&span, IDS "\"flags\":1,\"name\":\"send dev-orders\",\"kind\":4," TIMES "}",
                   "messaging.system stringValue kafka\n"
                   "messaging.operation.name stringValue send\n"
                   "messaging.operation.type stringValue send\n"
                   "messaging.destination.name stringValue dev-orders\n");
}
END_TEST

START_TEST(many_spans_are_one_document)
{
    static struct span spans[300];
    CLEANUP(free_ptr) char *text = NULL;
    const json_t *list;
    json_t *document;
    size_t len;

    for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
        spans[i].kind = SPAN_PRODUCER;
        spans[i].message.topic = "orders";
    }
    text = otlp_encode(&source, spans, ARRAY_LEN(spans), &len);
    document = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    list = json_object_get(only(only(document, "resourceSpans"), "scopeSpans"), "spans");
    ck_assert_uint_eq(json_array_size(list), ARRAY_LEN(spans));
    json_decref(document);
}
END_TEST

START_TEST(an_answer_may_reject_some)
{
    static const struct {
        const char *body;
        int64_t rejected;
    } answers[] = {
        {"{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"x\"}}", 3},
        {"{\"partialSuccess\":{\"rejectedSpans\":3}}", 3},
        {"{\"partialSuccess\":{\"rejectedSpans\":-3}}", 0},
        {"{\"partialSuccess\":{\"errorMessage\":\"a warning\"}}", 0},
        {"{\"partialSuccess\":{}}", 0},
        {"{}", 0},
        {"[]", 0},
        {"", 0},
        {"<html>", 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        ck_assert_int_eq(otlp_rejected(answers[i].body, strlen(answers[i].body)),
                         answers[i].rejected);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *contexts = tcase_create("contexts"), *tracers = tcase_create("tracers");
    TCase *otlp = tcase_create("otlp");

    tcase_add_test(contexts, a_header_is_read_and_written_back);
    tcase_add_test(contexts, a_header_of_a_later_version_is_understood_as_ours);
    tcase_add_loop_test(contexts, a_malformed_header_is_none, 0, ARRAY_LEN(malformed));
    tcase_add_test(contexts, new_traces_differ);
    tcase_add_test(tracers, a_span_below_another_is_in_its_trace);
    tcase_add_test(tracers, a_trace_that_is_not_sampled_goes_on_as_it_is);
    tcase_add_test(tracers, the_sampler_decides_for_new_traces);
    tcase_add_test(tracers, spans_that_nobody_takes_are_dropped_and_counted);
    tcase_add_test(tracers, the_ring_keeps_what_it_has_and_counts_what_it_drops);
    tcase_add_test(otlp, a_server_span_is_written_by_the_conventions);
    tcase_add_test(otlp, the_resource_says_who_exports);
    tcase_add_test(otlp, a_server_error_is_one_and_a_client_error_is_none);
    tcase_add_test(otlp, a_consumer_span_is_written_by_the_conventions);
    tcase_add_test(otlp, a_producer_span_knows_no_place_yet);
    tcase_add_test(otlp, many_spans_are_one_document);
    tcase_add_test(otlp, an_answer_may_reject_some);
    suite_add_tcase(suite, contexts);
    suite_add_tcase(suite, tracers);
    suite_add_tcase(suite, otlp);
    return suite_main(suite);
}

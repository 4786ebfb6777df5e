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

/* What the exporter writes of one span, as one line. */
static void assert_encoded(struct span *span, const char *expected)
{
    CLEANUP(free_ptr) char *text = NULL;
    size_t len;

    span->context = parent_context(TRACE_SAMPLED);
    span->start_ns = INT64_C(1795536937123456789);
    span->end_ns = INT64_C(1795536937223456789);
    text = otlp_encode(&source, span, 1, &len);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(strlen(text), len);
    ck_assert_msg(strstr(text, expected) != NULL, "%s\nis not in\n%s", expected, text);
}

#define TIMES                                                                                      \
    "\"startTimeUnixNano\":\"1795536937123456789\",\"endTimeUnixNano\":\"1795536937223456789\","
#define STRING(name, value) "{\"key\":\"" name "\",\"value\":{\"stringValue\":\"" value "\"}}"
#define NUMBER(name, value) "{\"key\":\"" name "\",\"value\":{\"intValue\":\"" value "\"}}"

START_TEST(a_server_span_is_written_by_the_conventions)
{
    struct span span = {.kind = SPAN_SERVER,
                        .request = {.method = "POST", .route = "/v1/orders/{id}", .status = 201}};

    assert_encoded(
        &span, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[" STRING(
                   "service.name",
                   "order-saga-"
                   "test") "," STRING("service.version",
                                      "1.2") "," STRING("service.instance.id",
                                                        "7") "]},\"scopeSpans\":[{\"scope\":{"
                                                             "\"name\":\"order-saga\","
                                                             "\"version\":\"1.2\"},\"spans\":[{"
                                                             "\"traceId\":\"" TRACE
                                                             "\",\"spanId\":\"" SPAN
                                                             "\",\"flags\":1,\"name\":\"POST "
                                                             "/v1/orders/{id}\",\"kind\":2," TIMES "\"attributes\":[" STRING("http.request.method", "POST") "," STRING(
                                                                 "http.route",
                                                                 "/v1/orders/{id}") "," STRING("url"
                                                                                               ".pa"
                                                                                               "th",
                                                                                               "/v1"
                                                                                               "/or"
                                                                                               "der"
                                                                                               "s/"
                                                                                               "{id"
                                                                                               "}") "," STRING("url.scheme",
                                                                                                               "http") "," NUMBER("http."
                                                                                                                                  "response."
                                                                                                                                  "status_"
                                                                                                                                  "code",
                                                                                                                                  "201") "]}]"
                                                                                                                                         "}]}"
                                                                                                                                         "]"
                                                                                                                                         "}");
}
END_TEST

START_TEST(a_server_error_is_one_and_a_client_error_is_none)
{
    struct span span = {.kind = SPAN_SERVER,
                        .request = {.method = "POST", .route = "/", .status = 503}};

    assert_encoded(&span, STRING("error.type", "503") "],\"status\":{\"code\":2}}");
    span.request.status = 422;
    assert_encoded(&span, NUMBER("http.response.status_code", "422") "]}]}]}]}");
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

    assert_encoded(
        &span,
        "\"parentSpanId\":\"000000000000000f\",\"flags\":1,\"name\":\"process "
        "dev-orders\",\"kind\":5," TIMES "\"attributes\":[" STRING("messaging.system", "kafka") "," STRING("messaging.operation.name", "process") "," STRING(
            "messaging.operation.type",
            "process") "," STRING("messaging.destination.name",
                                  "dev-orders") "," STRING("messaging.message.id",
                                                           "m") "," STRING("messaging.message."
                                                                           "conversation_id",
                                                                           "c") "," STRING("messagi"
                                                                                           "ng."
                                                                                           "destina"
                                                                                           "tion."
                                                                                           "partiti"
                                                                                           "on.id",
                                                                                           "3") "," NUMBER("messaging."
                                                                                                           "kafka.offset",
                                                                                                           "9007199254740"
                                                                                                           "993") "," STRING("messaging.consumer.group.name",
                                                                                                                             "dev-test") "," STRING("error.type",
                                                                                                                                                    "dead_letter") "],\"status\":{\"code\":2}}");
}
END_TEST

START_TEST(a_producer_span_knows_no_place_yet)
{
    struct span span = {.kind = SPAN_PRODUCER, .message = {.topic = "orders"}};

    assert_encoded(&span, "\"name\":\"send dev-orders\",\"kind\":4," TIMES
                          "\"attributes\":[" STRING("messaging.system", "kafka") "," STRING(
                              "messaging.operation.name",
                              "send") "," STRING("messaging.operation.type",
                                                 "send") "," STRING("messaging.destination.name",
                                                                    "dev-orders") "]}]}]}]}");
}
END_TEST

START_TEST(many_spans_are_one_document)
{
    static struct span spans[300];
    CLEANUP(free_ptr) char *text = NULL;
    json_t *document;
    size_t len;

    for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
        spans[i].kind = SPAN_PRODUCER;
        spans[i].message.topic = "orders";
    }
    text = otlp_encode(&source, spans, ARRAY_LEN(spans), &len);
    document = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(document);
    document = json_object_get(json_array_get(json_object_get(document, "resourceSpans"), 0),
                               "scopeSpans");
    document = json_object_get(json_array_get(document, 0), "spans");
    ck_assert_uint_eq(json_array_size(document), ARRAY_LEN(spans));
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

/*
 * span.h - what is known of one step of a trace. Data only; small, since thousands are held.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/uuid.h"
#include "common/trace/context.h"

/* The numbers are those of OTLP. */
enum span_kind {
    SPAN_NONE = 0,
    SPAN_SERVER = 2,   /* answers a request */
    SPAN_PRODUCER = 4, /* sends a message */
    SPAN_CONSUMER = 5, /* processes a message */
};

struct span_request {
    const char *method, *route; /* borrowed for ever */
    unsigned status;
};

struct span_message {
    const char *topic; /* borrowed for ever, without the prefix */
    char message_id[UUID_SIZE];
    char conversation_id[UUID_SIZE];
    int32_t partition; /* of a consumer, as the next */
    int64_t offset;
};

struct span {
    struct trace_context context;     /* its own */
    uint8_t parent_id[SPAN_ID_BYTES]; /* all zero: it is the first of its trace */
    enum span_kind kind;
    int64_t start_ns, end_ns; /* since 1970 UTC */
    const char *error;        /* borrowed for ever; NULL: none */
    union {
        struct span_request request; /* of a server */
        struct span_message message; /* of the others */
    };
};

/*
 * context.h - W3C Trace Context: which trace a thing belongs to, and which span it follows from.
 * The text of the header is "00-<32 hex, trace>-<16 hex, span>-<2 hex, flags>".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The header, and the trace id in it, with NUL. */
#define TRACEPARENT_SIZE 56
#define TRACE_ID_SIZE 33

#define TRACE_ID_BYTES 16
#define SPAN_ID_BYTES 8
#define TRACE_SAMPLED 1 /* the flag: somebody keeps spans of this trace */

struct trace_context {
    uint8_t trace_id[TRACE_ID_BYTES]; /* never all zero */
    uint8_t span_id[SPAN_ID_BYTES];   /* as well */
    uint8_t flags;
};

/*
 * Reads a header, which need not end with NUL. One of a later version is understood as far as it is
 * like ours. False: it is malformed, and as good as none.
 */
bool trace_context_read(const char *text, size_t len, struct trace_context *ret);

/* As a header of version 00. */
void trace_context_write(const struct trace_context *context, char out[TRACEPARENT_SIZE]);

/* A trace that nothing belongs to yet, with these flags. Random, from the kernel. */
void trace_context_new(uint8_t flags, struct trace_context *ret);

void span_id_new(uint8_t out[SPAN_ID_BYTES]);

/* True for a header of version 00 that trace_context_read() takes: it can be passed on as it is. */
bool traceparent_is_valid(const char *text, size_t len);

/* For logs: the trace id of a valid header, "-" of "". */
void traceparent_id(const char *traceparent, char out[TRACE_ID_SIZE]);

/* `count` bytes as lower-case hexadecimal digits and NUL. */
void hex_write(const uint8_t *bytes, size_t count, char *out);

/*
 * tracer.h - the spans of this process, exported by OTLP/HTTP from a thread of its own. Whoever
 * makes a span never waits: what there is no room for, or nobody takes, is dropped and counted.
 * A span is made only in a trace that is sampled; who begins the trace decides that.
 *
 * NULL is a tracer that makes no spans, and costs nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/trace/otlp.h"
#include "common/trace/span.h"

struct tracer;

/* Which new traces are sampled; those of others stay what they are. */
enum trace_sampler { SAMPLER_ALWAYS_ON, SAMPLER_ALWAYS_OFF, SAMPLER_RATIO };

struct tracer_config {
    const char *endpoint;      /* "http://collector:4318"; copied */
    struct otlp_source source; /* borrowed until tracer_free() */
    enum trace_sampler sampler;
    double ratio; /* 0 to 1, for SAMPLER_RATIO */
};

struct tracer_counts {
    uint64_t exported;
    uint64_t dropped; /* there was no room */
    uint64_t failed;  /* the receiver was away, or did not want them */
};

/* `ret` is owned by the caller. Returns 0, or as poster_new(), or -EAGAIN (no thread). */
int tracer_new(const struct tracer_config *config, struct tracer **ret, struct error *err);

/* Tries to export what there is, for at most `timeout_ms`; what comes later is dropped. */
void tracer_flush(struct tracer *tracer, int64_t timeout_ms);
void tracer_free(struct tracer *tracer);

/*
 * Begins a span below `context`, which afterwards is the span's own, to be passed on. Without a
 * `parent` a new trace begins, and `context` is only written. False: there is no span to be ended;
 * `context` can be passed on, unless there was neither a parent nor a tracer.
 */
bool tracer_begin(struct tracer *tracer, enum span_kind kind, bool has_parent,
                  struct trace_context *context, struct span *ret);

/* Now, as a span has it. */
int64_t trace_now_ns(void);

/* Takes copies of spans that have their ends. Any thread. */
void tracer_take(struct tracer *tracer, const struct span *spans, size_t count);

/* Ends it now, and takes it. Any thread. */
void tracer_end(struct tracer *tracer, struct span *span);

/* Any thread. Zeros for NULL. */
void tracer_counts(struct tracer *tracer, struct tracer_counts *ret);

/*
 * otlp.h - spans as OTLP/HTTP JSON wants them: ids in hexadecimal, enums as numbers, 64-bit numbers
 * as text; named by the semantic conventions of HTTP and messaging. Pure but for its memory.
 */
#pragma once

#include <stddef.h>

#include "common/trace/span.h"

/* Who exports. All borrowed. */
struct otlp_source {
    const char *service_name, *service_version, *instance;
    const char *topic_prefix, *consumer_group;
};

/* A request body; `ret` is the caller's to free(). NULL: memory is short. */
char *otlp_encode(const struct otlp_source *source, const struct span *spans, size_t count,
                  size_t *ret_len);

/* How many spans of an accepted request the receiver says it has not kept. */
int64_t otlp_rejected(const char *body, size_t len);

/* decode.h - a parsed JSON document into an event. Private to common/event; see codec.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <yyjson.h>

#include "common/base/error.h"
#include "common/event/event.h"

/* True if `json` nests objects and arrays at most EVENT_DEPTH_MAX deep; it need not be valid. */
bool json_depth_is_bounded(const char *json, size_t len);

/* As event_peek_type(). */
int document_event_type(yyjson_val *document, enum event_type *ret, struct error *err);

/* As event_decode(), but `event` may be half written on failure. Numbers must be raw values. */
int document_decode(yyjson_val *document, struct event *event, struct error *err);

/* encode.h - an event into a JSON document to be. Private to common/event; see codec.h. */
#pragma once

#include <yyjson.h>

#include "common/base/error.h"
#include "common/event/event.h"

/*
 * Checks the event and sets the root of `document`, which then borrows the event's texts. The
 * document's allocator must have room for the largest event (asserted).
 * Returns 0, or -EINVAL with a JSON pointer.
 */
int document_encode(const struct event *event, yyjson_mut_doc *document, struct error *err);

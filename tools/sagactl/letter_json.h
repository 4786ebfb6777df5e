/* letter_json.h - a dead letter as JSON, for programs. Bytes that are no UTF-8 are given in hex. */
#pragma once

#include <jansson.h>

#include "tools/sagactl/letter.h"
#include "tools/sagactl/resolutions.h"

/*
 * id, service, state, time, origin, key, event_type, cause; where there is one, ancestor (of a
 * letter that was replayed and refused again) and resolution. Owned by the caller; NULL: no memory.
 */
json_t *letter_json(const struct letter *letter, const struct resolution *resolution);

/* Adds headers and value. Returns 0, or -1: no memory. */
int letter_json_add_record(json_t *document, const struct letter *letter);

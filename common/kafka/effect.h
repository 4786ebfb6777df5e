/* effect.h - what makes an event of a decision: ids, cause and time. Private to work.c. */
#pragma once

#include "common/event/event.h"

/* Fills in all but type and data. The same decision on the same cause yields the same id. */
void effect_complete(struct event *event, const struct event *cause, int64_t now_ms);

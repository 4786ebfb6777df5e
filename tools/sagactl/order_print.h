/* order_print.h - a timeline for people and for programs. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "common/base/error.h"
#include "tools/sagactl/timeline.h"

/* A table, and a line that says how the order ended, or since when it has stood still. */
int order_print_table(const struct timeline *timeline, int64_t now_ms, FILE *out,
                      struct error *err);

/* One JSON document. `prefix` completes the names of the topics. */
int order_print_json(const struct timeline *timeline, const char *order_id, const char *prefix,
                     FILE *out, struct error *err);

/* order_print.h - all that is known about one order, for people and for programs. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "common/base/error.h"
#include "common/event/order_view.h"

/*
 * Its events, a line that says how it ended or since when it has stood still, and what is still to
 * come. `left_out`: events that the view does not hold.
 */
int order_print_table(const struct order_view *view, size_t left_out, int64_t now_ms, FILE *out,
                      struct error *err);

/* One JSON document. `prefix` completes the names of the topics. */
int order_print_json(const struct order_view *view, const char *order_id, const char *prefix,
                     int64_t now_ms, FILE *out, struct error *err);

/* document.h - results for programs: one JSON document on a stream. Built with jansson. */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/cleanup.h"
#include "common/base/error.h"
#include "common/event/order_view.h"

DEFINE_CLEANUP(json_cleanup, json_t, json_decref)

/* Takes `document`; NULL, or a null anywhere in its making, means out of memory. */
int document_print(json_t *document, FILE *out, struct error *err);

/* Numbers that stay what they are when printed: 44.98. */
json_t *document_money(int64_t minor);
json_t *document_time(int64_t utc_ms);
/* null for NULL. */
json_t *document_text(const char *text);

/* [{event_type, service, after, waiting_ms}], as the order service's timeline has it. */
json_t *document_next(const struct order_next *next, size_t count, int64_t now_ms);

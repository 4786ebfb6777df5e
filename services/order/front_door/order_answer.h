/* order_answer.h - the answers that several parts of the front door give. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/http/http.h"

/* A problem that passes by itself: with Retry-After. */
void order_answer_later(struct http_request *request, unsigned status, const char *detail);

/* A JSON document. `text` is taken; NULL: memory was short. */
void order_answer_json(struct http_request *request, unsigned status, char *text, size_t len);

/* 400: `name` is a parameter or a header, `detail` what it must be. Both are copied. */
void order_answer_fault(struct http_request *request, const char *name, const char *detail);

/* True if the query has something else than these parameters; then it is answered. */
bool order_answer_bad_query(struct http_request *request, const char *const *names, size_t count);

/* order_answer.h - the answers that several parts of the front door give. */
#pragma once

#include <stddef.h>

#include "common/http/http.h"

/* A problem that passes by itself: with Retry-After. */
void order_answer_later(struct http_request *request, unsigned status, const char *detail);

/* A JSON document. `text` is taken; NULL: memory was short. */
void order_answer_json(struct http_request *request, unsigned status, char *text, size_t len);

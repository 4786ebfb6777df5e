/* openapi_route.h - GET /openapi.json: the front door as schemas/openapi.yaml describes it. */
#pragma once

#include "common/http/http.h"

/* An http_handler; needs no context. */
void openapi_answer(struct http_request *request, void *context);

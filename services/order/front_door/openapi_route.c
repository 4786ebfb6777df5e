/* openapi_route.c - see openapi_route.h. The document is made by schemas/openapi.py. */
#include "services/order/front_door/openapi_route.h"

#include "schemas/openapi.h"

void openapi_answer(struct http_request *request, void *context)
{
    (void)context;
    http_answer_text(request, 200, "application/json", openapi_json, sizeof(openapi_json) - 1);
}

/* order_answer.c - see order_answer.h. */
#include "services/order/order_answer.h"

#include <stdlib.h>

#define RETRY_AFTER_S "1"

void order_answer_later(struct http_request *request, unsigned status, const char *detail)
{
    http_set_header(request, "Retry-After", RETRY_AFTER_S);
    http_answer_problem(request, status, detail, NULL, 0);
}

void order_answer_json(struct http_request *request, unsigned status, char *text, size_t len)
{
    if (text != NULL)
        http_answer_text(request, status, "application/json", text, len);
    else
        http_answer_problem(request, 500, "out of memory", NULL, 0);
    free(text);
}

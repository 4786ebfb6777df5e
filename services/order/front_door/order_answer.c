/* order_answer.c - see order_answer.h. */
#include "services/order/front_door/order_answer.h"

#include <stdlib.h>

#include "common/base/util.h"

#define RETRY_AFTER_S "1"
#define NOT_UNDERSTOOD "the request is not understood"

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

void order_answer_fault(struct http_request *request, const char *name, const char *detail)
{
    struct http_fault fault;

    str_copy(fault.pointer, sizeof(fault.pointer), name);
    str_copy(fault.detail, sizeof(fault.detail), detail);
    http_answer_problem(request, 400, NOT_UNDERSTOOD, &fault, 1);
}

bool order_answer_bad_query(struct http_request *request, const char *const *names, size_t count)
{
    struct http_fault fault;

    if (!http_request_query_fault(request, names, count, &fault))
        return false;
    http_answer_problem(request, 400, NOT_UNDERSTOOD, &fault, 1);
    return true;
}

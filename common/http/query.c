/*
 * query.c - the parameters behind the '?'. They are copied and decoded before the handler runs, so
 * that it may keep pointers to them as to everything else of its request. Pure, but for the reading
 * of them from the library, which has split the query and made every '+' a space.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/base/util.h"
#include "common/http/internal.h"

struct query *query_new(size_t bytes)
{
    struct query *query = calloc(1, sizeof(*query) + bytes);

    if (query != NULL)
        query->size = bytes;
    return query;
}

/* A copy without percent signs in the query's own memory; NULL if it is no text. */
static const char *keep(struct query *query, const char *text, size_t len)
{
    char *copy = query->text + query->used;

    if (!percent_decode(text, len, copy, query->size - query->used) ||
        !utf8_is_valid(copy, strlen(copy)))
        return NULL;
    query->used += strlen(copy) + 1;
    return copy;
}

void query_add(struct query *query, const char *name, size_t name_len, const char *value,
               size_t value_len)
{
    struct query_param *param = &query->params[query->count];

    if (query->count == HTTP_QUERY_MAX) {
        query->is_overlong = true;
        return;
    }
    param->name = keep(query, name, name_len);
    param->value = keep(query, value, value_len);
    query->count++;
}

const char *query_value(const struct query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++)
        if (query->params[i].name != NULL && str_equal(query->params[i].name, name))
            return query->params[i].value;
    return NULL;
}

static bool is_known(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(names[i], name))
            return true;
    return false;
}

static bool is_repeated(const struct query *query, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (str_equal(query->params[i].name, query->params[index].name))
            return true;
    return false;
}

static bool fault(struct http_fault *ret, const char *pointer, const char *detail)
{
    str_copy(ret->pointer, sizeof(ret->pointer), pointer);
    str_copy(ret->detail, sizeof(ret->detail), detail);
    return true;
}

bool query_fault(const struct query *query, const char *const *names, size_t count,
                 struct http_fault *ret)
{
    for (size_t i = 0; i < query->count; i++) {
        const struct query_param *param = &query->params[i];

        /* A name too long to be shown is cut nowhere: it might end within a character. */
        if (param->name == NULL || strlen(param->name) >= sizeof(ret->pointer))
            return fault(ret, "", "the query has a parameter whose name is malformed");
        if (!is_known(param->name, names, count))
            return fault(ret, param->name, "there is no such query parameter here");
        if (param->value == NULL)
            return fault(ret, param->name, "must be percent-encoded UTF-8, without NUL");
        if (is_repeated(query, i))
            return fault(ret, param->name, "must be given only once");
    }
    if (query->is_overlong)
        return fault(ret, "", "the query has too many parameters");
    return false;
}

static enum MHD_Result measure(void *context, enum MHD_ValueKind kind, const char *name,
                               size_t name_len, const char *value, size_t value_len)
{
    size_t *bytes = context;

    (void)kind, (void)name, (void)value;
    *bytes += name_len + 1 + value_len + 1;
    return MHD_YES;
}

static enum MHD_Result take(void *context, enum MHD_ValueKind kind, const char *name,
                            size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    query_add(context, name, name_len, value != NULL ? value : "", value_len);
    return MHD_YES;
}

bool query_read(struct MHD_Connection *connection, struct query **ret)
{
    size_t bytes = 0;

    if (MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, measure, &bytes) > 0) {
        *ret = query_new(bytes);
        if (*ret == NULL)
            return false;
        MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, take, *ret);
    }
    return true;
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    return request->query != NULL ? query_value(request->query, name) : NULL;
}

bool http_request_query_fault(const struct http_request *request, const char *const *names,
                              size_t count, struct http_fault *ret)
{
    return request->query != NULL && query_fault(request->query, names, count, ret);
}

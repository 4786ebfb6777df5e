/*
 * request_body.c - see request_body.h. Nothing here recurses, so no nesting is too deep.
 */
#include "services/order/front_door/request_body.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/base/cleanup.h"
#include "common/base/util.h"

/* As the schemas say of their objects; it also bounds the search for duplicates. */
#define MEMBERS_MAX 32
/* Bytes of a foreign member's name that an answer repeats. */
#define NAME_MAX_BYTES 40

DEFINE_CLEANUP(document_cleanup, yyjson_doc, yyjson_doc_free)

int refusal_set(struct order_refusal *refusal, unsigned status, const char *format, ...)
{
    va_list args;

    refusal->status = status;
    va_start(args, format);
    vsnprintf(refusal->detail, sizeof(refusal->detail), format, args);
    va_end(args);
    return -EBADMSG;
}

void refusal_add(struct order_refusal *refusal, const char *pointer, const char *detail)
{
    struct http_fault *fault = &refusal->faults[refusal->fault_count];

    if (refusal->fault_count == HTTP_FAULTS_MAX)
        return;
    str_copy(fault->pointer, sizeof(fault->pointer), pointer);
    str_copy(fault->detail, sizeof(fault->detail), detail);
    refusal->fault_count++;
}

/* RFC 6901 escapes; cut between two characters. */
static void format_name(yyjson_val *name, char out[2 * NAME_MAX_BYTES + 1])
{
    const char *text = yyjson_get_str(name);
    size_t len = yyjson_get_len(name), count = 0;

    for (size_t i = 0; i < len && text[i] != '\0'; i++) {
        if (i >= NAME_MAX_BYTES && ((unsigned char)text[i] & 0xc0) != 0x80)
            break;
        if (text[i] == '~' || text[i] == '/')
            out[count++] = '~';
        out[count++] = (char)(text[i] == '~' ? '0' : text[i] == '/' ? '1' : text[i]);
        if (count >= 2 * NAME_MAX_BYTES - 1)
            break;
    }
    out[count] = '\0';
}

static bool has_duplicate(yyjson_val *object, yyjson_val **ret)
{
    yyjson_obj_iter outer = yyjson_obj_iter_with(object), inner;
    yyjson_val *name, *other;

    while ((name = yyjson_obj_iter_next(&outer)) != NULL)
        for (inner = outer; (other = yyjson_obj_iter_next(&inner)) != NULL;)
            if (yyjson_equals_strn(other, yyjson_get_str(name), yyjson_get_len(name))) {
                *ret = other;
                return true;
            }
    return false;
}

/* Every object, however deep: yyjson keeps all values of a document in one array. */
static int check_objects(yyjson_doc *document, struct order_refusal *refusal)
{
    yyjson_val *value = yyjson_doc_get_root(document), *duplicate;
    yyjson_val *end = value + yyjson_doc_get_val_count(document);
    char name[2 * NAME_MAX_BYTES + 1];

    for (; value < end; value++) {
        if (!yyjson_is_obj(value))
            continue;
        if (yyjson_obj_size(value) > MEMBERS_MAX)
            return refusal_set(refusal, 422, "an object has more than %d members", MEMBERS_MAX);
        if (has_duplicate(value, &duplicate)) {
            format_name(duplicate, name);
            return refusal_set(refusal, 400, "a member stands there twice: %s", name);
        }
    }
    return 0;
}

int request_body_parse(const char *body, size_t len, yyjson_doc **ret,
                       struct order_refusal *refusal)
{
    CLEANUP(document_cleanup) yyjson_doc *document = NULL;
    yyjson_read_err failure;
    int r;

    /* The cast is of its interface; without INSITU it only reads. */
    document = yyjson_read_opts((char *)body, len, YYJSON_READ_NUMBER_AS_RAW, NULL, &failure);
    if (document == NULL && failure.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return -ENOMEM;
    if (document == NULL)
        return refusal_set(refusal, 400, "not JSON: %s at byte %zu", failure.msg, failure.pos);
    if (!yyjson_is_obj(yyjson_doc_get_root(document)))
        return refusal_set(refusal, 400, "the body must be a JSON object");
    r = check_objects(document, refusal);
    if (r == 0)
        *ret = TAKE_PTR(document);
    return r;
}

void refusal_add_unknown(struct order_refusal *refusal, const char *parent, yyjson_val *name)
{
    char text[2 * NAME_MAX_BYTES + 1], pointer[sizeof(refusal->faults[0].pointer)];

    format_name(name, text);
    snprintf(pointer, sizeof(pointer), "%s/%s", parent, text);
    refusal_add(refusal, pointer, "is not known here");
}

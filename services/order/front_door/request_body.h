/*
 * request_body.h - a request's body as a JSON object, or what is wrong with it: the part that has
 * nothing to do with orders. Private to order_request.c. Pure.
 */
#pragma once

#include <stddef.h>
#include <yyjson.h>

#include "services/order/front_door/order_request.h"

/*
 * Numbers stay text: money must be exact. No object in it has a member twice or too many of them.
 * `ret` is owned by the caller. Returns 0, -EBADMSG (`refusal` says why) or -ENOMEM.
 */
int request_body_parse(const char *body, size_t len, yyjson_doc **ret,
                       struct order_refusal *refusal);

/* Writes status and detail, and returns -EBADMSG. */
int refusal_set(struct order_refusal *refusal, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One fault more; those that there is no room for are left out. */
void refusal_add(struct order_refusal *refusal, const char *pointer, const char *detail);

/* The fault of a member, below the object at the pointer `parent`, that nobody knows. */
void refusal_add_unknown(struct order_refusal *refusal, const char *parent, yyjson_val *name);

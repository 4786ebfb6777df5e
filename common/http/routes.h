/* routes.h - which route serves a method and a path. Pure: no libmicrohttpd. Private to http. */
#pragma once

#include "common/http/http.h"

/* "GET, HEAD, OPTIONS, ..." */
#define ROUTE_ALLOW_SIZE 128

enum route_verdict {
    ROUTE_FOUND,
    ROUTE_UNKNOWN, /* no route has this path */
    ROUTE_OPTIONS, /* the path is known, and the question is what it allows */
    ROUTE_REFUSED, /* the path is known, the method is not allowed */
};

struct route_match {
    const struct http_route *route;                /* on ROUTE_FOUND */
    char params[HTTP_PARAMS_MAX][HTTP_PARAM_SIZE]; /* in the order of the route's path */
    char allow[ROUTE_ALLOW_SIZE];                  /* unless ROUTE_UNKNOWN */
};

/*
 * `path` is as it stands in the request line, percent-encoded, without the query. It is split
 * first and decoded then, so "%2F" is part of a segment. A segment that is badly encoded, or holds
 * a NUL, matches nothing.
 */
enum route_verdict route_find(const struct http_route *routes, size_t count, const char *method,
                              const char *path, struct route_match *ret);

/*
 * A text without its percent signs; false if it is badly encoded, holds a NUL or does not fit into
 * `size` bytes with its own NUL; then `out` is undefined.
 */
bool percent_decode(const char *text, size_t len, char *out, size_t size);

/* Which of the route's parameters `name` is; asserts that it is one. */
size_t route_param_index(const struct http_route *route, const char *name);

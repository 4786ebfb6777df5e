/* routes.c - see routes.h. A handful of routes: comparing one by one is as fast as any tree. */
#include "common/http/routes.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool percent_decode(const char *text, size_t len, char *out, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c == '%') {
            int high = i + 2 < len ? hex_value(text[i + 1]) : -1;
            int low = high >= 0 ? hex_value(text[i + 2]) : -1;

            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0' || count == size - 1)
            return false;
        out[count++] = c;
    }
    out[count] = '\0';
    return true;
}

static size_t segment_length(const char *path)
{
    return strcspn(path, "/");
}

static bool is_param(const char *segment)
{
    return segment[0] == '{';
}

static bool segment_matches(const char *pattern, size_t len, const char *segment)
{
    return is_param(pattern) ? segment[0] != '\0'
                             : strlen(segment) == len && memcmp(pattern, segment, len) == 0;
}

/* Both begin with '/'. Writes the parameters as it goes; they count only if all matches. */
static bool path_matches(const char *pattern, const char *path,
                         char params[HTTP_PARAMS_MAX][HTTP_PARAM_SIZE])
{
    char segment[HTTP_PARAM_SIZE];
    size_t count = 0;

    while (*pattern == '/' && *path == '/') {
        size_t pattern_len = segment_length(++pattern), len = segment_length(++path);

        if (!percent_decode(path, len, segment, sizeof(segment)) ||
            !segment_matches(pattern, pattern_len, segment))
            return false;
        if (is_param(pattern)) {
            assert(count < HTTP_PARAMS_MAX);
            strcpy(params[count++], segment);
        }
        pattern += pattern_len;
        path += len;
    }
    return *pattern == '\0' && *path == '\0';
}

static bool method_matches(const struct http_route *route, const char *method)
{
    return str_equal(route->method, method) ||
           (str_equal(route->method, "GET") && str_equal(method, "HEAD"));
}

static void add_allowed(char allow[ROUTE_ALLOW_SIZE], const char *method)
{
    size_t len = strlen(allow);

    snprintf(allow + len, ROUTE_ALLOW_SIZE - len, "%s%s%s", len > 0 ? ", " : "", method,
             str_equal(method, "GET") ? ", HEAD" : "");
}

enum route_verdict route_find(const struct http_route *routes, size_t count, const char *method,
                              const char *path, struct route_match *ret)
{
    ret->route = NULL;
    ret->allow[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (!path_matches(routes[i].path, path, ret->params))
            continue;
        add_allowed(ret->allow, routes[i].method);
        if (method_matches(&routes[i], method)) {
            ret->route = &routes[i];
            return ROUTE_FOUND;
        }
    }
    if (ret->allow[0] == '\0')
        return ROUTE_UNKNOWN;
    add_allowed(ret->allow, "OPTIONS");
    return str_equal(method, "OPTIONS") ? ROUTE_OPTIONS : ROUTE_REFUSED;
}

size_t route_param_index(const struct http_route *route, const char *name)
{
    size_t len = strlen(name), index = 0;

    for (const char *p = strchr(route->path, '{'); p != NULL; p = strchr(p + 1, '{'), index++)
        if (strncmp(p + 1, name, len) == 0 && p[1 + len] == '}')
            return index;
    assert(!"the route has no such parameter");
    return 0;
}

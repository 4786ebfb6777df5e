/*
 * preferences.c - Prefer (RFC 7240). A preference is a wish: one that is not understood is passed
 * over without a word, and of one that is given twice only the first counts, understood or not.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/http/internal.h"

#define NAME_SIZE 16
/* A longer value is not understood. */
#define VALUE_SIZE 32

/* One element of the list: name [= word] [; parameters]. False: it is none, or nothing we know. */
static bool read_element(const char *p, char name[NAME_SIZE], char value[VALUE_SIZE])
{
    size_t len = field_token(p);

    if (len == 0 || len >= NAME_SIZE)
        return false;
    memcpy(name, p, len);
    name[len] = value[0] = '\0';
    p = field_skip_space(p + len);
    if (*p == '=') {
        p = field_skip_space(p + 1);
        len = field_token(p);
        if (len >= VALUE_SIZE)
            return false;
        memcpy(value, p, len);
        value[len] = '\0';
        p = *p == '"' ? field_quoted(p, value, VALUE_SIZE) : p + len;
        if (p == NULL)
            return false;
        p = field_skip_space(p);
    }
    return *p == '\0' || *p == ',' || *p == ';';
}

static int64_t read_seconds(const char *text)
{
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
        return -1;
    long long seconds = strtoll(text, NULL, 10);
    return seconds < HTTP_WAIT_S_MAX ? seconds : HTTP_WAIT_S_MAX;
}

void preferences_read(struct preferences *preferences, const char *list)
{
    char name[NAME_SIZE], value[VALUE_SIZE];

    for (const char *p = list; *p != '\0'; p = field_next(p)) {
        if (!read_element(field_skip_space(p), name, value))
            continue;
        if (strcasecmp(name, "respond-async") == 0 && value[0] == '\0')
            preferences->found.respond_async = true;
        if (strcasecmp(name, "wait") == 0 && !preferences->has_wait) {
            preferences->has_wait = true;
            preferences->found.wait_s = read_seconds(value);
        }
    }
}

static void on_line(void *context, const char *value)
{
    preferences_read(context, value);
}

void http_request_preferences(const struct http_request *request, struct http_preferences *ret)
{
    struct preferences preferences = {.found.wait_s = -1};

    request_each_line(request, "Prefer", on_line, &preferences);
    *ret = preferences.found;
}

/*
 * idempotency.c - Idempotency-Key (draft-ietf-httpapi-idempotency-key-header). The draft wants a
 * string of RFC 8941, in quotes; most clients send the bare text. Both are the same key.
 */
#include <errno.h>
#include <string.h>

#include "common/http/internal.h"

static bool is_visible(char c)
{
    return c > ' ' && c < 0x7f;
}

/* The end of the string, or NULL. Only a quote and a backslash are escaped. */
static const char *read_string(const char *p, char *out)
{
    size_t len = 0;

    for (p++; *p != '"'; p++) {
        if (*p == '\\' && *++p != '"' && *p != '\\')
            return NULL;
        if ((!is_visible(*p) && *p != ' ') || len == HTTP_IDEMPOTENCY_KEY_SIZE - 1)
            return NULL;
        out[len++] = *p;
    }
    out[len] = '\0';
    return p + 1;
}

static const char *read_bare(const char *p, char *out)
{
    size_t len = 0;

    while (is_visible(p[len]) && strchr("\",;\\", p[len]) == NULL) {
        if (len == HTTP_IDEMPOTENCY_KEY_SIZE - 1)
            return NULL;
        out[len] = p[len];
        len++;
    }
    out[len] = '\0';
    return p + len;
}

bool idempotency_key_read(const char *text, char out[HTTP_IDEMPOTENCY_KEY_SIZE])
{
    const char *p = field_skip_space(text);

    p = *p == '"' ? read_string(p, out) : read_bare(p, out);
    return p != NULL && out[0] != '\0' && *field_skip_space(p) == '\0';
}

struct lines {
    size_t count;
    const char *first;
};

static void on_line(void *context, const char *value)
{
    struct lines *lines = context;

    if (lines->count++ == 0)
        lines->first = value;
}

int http_request_idempotency_key(const struct http_request *request,
                                 char out[HTTP_IDEMPOTENCY_KEY_SIZE], struct error *err)
{
    struct lines lines = {0};
    char key[HTTP_IDEMPOTENCY_KEY_SIZE];

    request_each_line(request, "Idempotency-Key", on_line, &lines);
    if (lines.count == 0)
        return error_set(err, -ENOENT, "there is no Idempotency-Key");
    if (lines.count > 1)
        return error_set(err, -EINVAL, "Idempotency-Key is given more than once");
    if (!idempotency_key_read(lines.first, key))
        return error_set(err, -EINVAL,
                         "Idempotency-Key must be 1 to %d characters of ASCII, in quotes",
                         HTTP_IDEMPOTENCY_KEY_SIZE - 1);
    memcpy(out, key, sizeof(key));
    return 0;
}

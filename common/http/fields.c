/* fields.c - the syntax that header values share (RFC 9110, section 5.6). Pure. */
#include <ctype.h>
#include <string.h>

#include "common/http/internal.h"

size_t field_token(const char *text)
{
    size_t len = 0;

    while (text[len] != '\0' &&
           (isalnum((unsigned char)text[len]) || strchr("!#$%&'*+-.^_`|~", text[len]) != NULL))
        len++;
    return len;
}

const char *field_skip_space(const char *text)
{
    return text + strspn(text, " \t");
}

const char *field_quoted(const char *text, char *out, size_t size)
{
    size_t len = 0;

    for (const char *p = text + 1; *p != '\0'; p++) {
        if (*p == '"') {
            out[len] = '\0';
            return p + 1;
        }
        if (*p == '\\' && *++p == '\0')
            return NULL;
        if (len == size - 1)
            return NULL;
        out[len++] = *p;
    }
    return NULL;
}

const char *field_next(const char *text)
{
    bool quoted = false;

    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (*p == '\\' && quoted && p[1] != '\0')
            p++;
        else if (*p == ',' && !quoted)
            return p + 1;
    }
    return text + strlen(text);
}

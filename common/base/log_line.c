/* log_line.c - see log_line.h. */
#include "common/base/log_line.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/utf8.h"

/* Every JSON reader holds as many digits exactly. */
#define NUMBER_DIGITS_MAX 15

size_t log_line_repair(char *line, size_t len)
{
    bool quoted = false;
    size_t at = 0;

    while (at < len) {
        size_t step = utf8_sequence(line + at, len - at);

        if (line[at] == '\\')
            step = len - at >= 2 ? 2 : 0;
        if (step == 0)
            break;
        if (line[at] == '"')
            quoted = !quoted;
        at += step;
    }
    if (quoted)
        line[at++] = '"';
    return at;
}

static bool is_number(const char *text, size_t len)
{
    size_t sign = len > 0 && text[0] == '-', digits = len - sign;

    if (digits == 0 || digits > NUMBER_DIGITS_MAX || (text[sign] == '0' && digits > 1))
        return false;
    for (size_t i = sign; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

/* A quoted value ends with its quote, any other before a space. */
static size_t value_length(const char *value)
{
    size_t len = 1;

    if (*value != '"')
        return strcspn(value, " ");
    while (value[len] != '"' && value[len] != '\0')
        len += value[len] == '\\' && value[len + 1] != '\0' ? 2 : 1;
    return value[len] == '"' ? len + 1 : len;
}

static char *put(char *out, const char *text, size_t len)
{
    memcpy(out, text, len);
    return out + len;
}

size_t log_line_to_json(const char *line, char *out, size_t size)
{
    static const char extra[] = ",\"\":\"\""; /* at most, around a name and its value */
    char *p = out, *end = out + size - sizeof("}");

    *p++ = '{';
    while (*line != '\0') {
        size_t name_len = strcspn(line, "= ");
        const char *value = line + name_len + (line[name_len] == '=');
        size_t value_len = value_length(value);
        bool bare = *value == '"' || is_number(value, value_len); /* quoted as JSON has it */

        if (name_len + value_len + sizeof(extra) > (size_t)(end - p))
            break;
        if (p > out + 1)
            *p++ = ',';
        *p++ = '"';
        p = put(p, line, name_len);
        p = put(p, "\":\"", bare ? 2 : 3);
        p = put(p, value, value_len);
        if (!bare)
            *p++ = '"';
        line = value + value_len;
        line += strspn(line, " ");
    }
    *p++ = '}';
    *p = '\0';
    return (size_t)(p - out);
}

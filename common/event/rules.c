/* rules.c - see rules.h. */
#include "common/event/rules.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/base/util.h"

/* Room for four levels of names at their longest, every byte escaped. */
#define POINTER_SIZE 256

static bool is_forbidden(const struct field *field, unsigned char byte)
{
    return (field->forbidden[byte >> 6] >> (byte & 63) & 1) != 0;
}

bool text_is_accepted(const struct field *field, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    int64_t count = 0;

    for (size_t i = 0, step; i < len; i += step, count++) {
        if (is_forbidden(field, p[i]) || count == field->max)
            return false;
        step = p[i] < 0x80 ? 1 : utf8_sequence(text + i, len - i);
        if (step == 0)
            return false;
    }
    return count >= field->min;
}

int event_text_check(enum event_type type, const char *member, const char *text, struct error *err)
{
    const struct field *field = event_text_field(type, member);

    assert(field != NULL && field->kind == FIELD_TEXT);
    return text_is_accepted(field, text, strlen(text))
               ? 0
               : error_set(err, -EINVAL, "must be %s", field->rule);
}

bool choice_is_accepted(const struct field *field, const char *text, size_t len)
{
    for (const char *const *choice = field->choices; *choice != NULL; choice++)
        if (strlen(*choice) == len && memcmp(*choice, text, len) == 0)
            return true;
    return false;
}

bool number_is_accepted(const struct field *field, int64_t value)
{
    return value >= field->min && value <= field->max;
}

/* A text that grows until its buffer is full. */
struct pointer {
    char text[POINTER_SIZE];
    size_t len;
};

static void put(struct pointer *pointer, const char *text, size_t len)
{
    if (len < sizeof(pointer->text) - pointer->len) {
        memcpy(pointer->text + pointer->len, text, len);
        pointer->len += len;
    }
}

/* RFC 6901: '~' is "~0", '/' is "~1". A foreign name is cut between two characters. */
static void put_name(struct pointer *pointer, const char *name)
{
    for (size_t i = 0; name[i] != '\0'; i++) {
        if (i >= PATH_NAME_MAX && ((unsigned char)name[i] & 0xc0) != 0x80)
            break;
        if (name[i] == '~' || name[i] == '/')
            put(pointer, name[i] == '~' ? "~0" : "~1", 2);
        else
            put(pointer, &name[i], 1);
    }
}

static void put_path(struct pointer *pointer, const struct path *path)
{
    char index[24];

    if (path == NULL)
        return;
    put_path(pointer, path->parent);
    put(pointer, "/", 1);
    if (path->name != NULL)
        put_name(pointer, path->name);
    else
        put(pointer, index, (size_t)snprintf(index, sizeof(index), "%zu", path->index));
}

int path_error(const struct path *path, struct error *err, int code, const char *format, ...)
{
    struct pointer pointer = {{0}, 0};
    char text[ERROR_TEXT_SIZE];
    va_list args;

    put_path(&pointer, path);
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return error_set(err, code, "%s%s%.250s", pointer.text, pointer.len > 0 ? ": " : "", text);
}

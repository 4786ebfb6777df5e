/* error.c - see error.h. */
#include "common/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"

/* One line stays one line: a control character in a foreign message must not split a log. */
static void make_printable(char *text)
{
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
}

int error_set(struct error *err, int code, const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return code;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    make_printable(err->text);
    return code;
}

int error_prefix(struct error *err, int code, const char *format, ...)
{
    char before[ERROR_TEXT_SIZE], context[ERROR_TEXT_SIZE];
    va_list args;

    if (err == NULL)
        return code;
    str_copy(before, sizeof(before), err->text);
    va_start(args, format);
    vsnprintf(context, sizeof(context), format, args);
    va_end(args);
    return error_set(err, code, "%.200s: %.300s", context, before);
}

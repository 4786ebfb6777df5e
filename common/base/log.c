/* log.c - see log.h. The level and the name are process-wide: set once, before any thread. */
#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"

#define LOG_LINE_SIZE 2048

static struct {
    const char *service;
    enum log_level level;
} logger = {"-", LOG_LEVEL_INFO};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_open(const char *service, enum log_level level)
{
    logger.service = service;
    logger.level = level;
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
    char line[LOG_LINE_SIZE], time[TIMESTAMP_SIZE];
    va_list args;

    if (level < logger.level)
        return;
    timestamp_format(clock_utc_ms(), time);
    int len = snprintf(line, sizeof(line), "time=%s level=%s service=%s event=%s ", time,
                       level_names[level], logger.service, event);
    va_start(args, format);
    int more = vsnprintf(line + len, sizeof(line) - (size_t)len, format, args);
    va_end(args);
    len += more;
    if (len > LOG_LINE_SIZE - 2)
        len = LOG_LINE_SIZE - 2;
    line[len++] = '\n';
    /* A full or closed standard output must not stop a service: there is nobody to tell. */
    ssize_t written = write(STDOUT_FILENO, line, (size_t)len);
    (void)written;
}

const char *log_quote(struct log_text *storage, const char *text)
{
    char *out = storage->text, *end = out + LOG_TEXT_SIZE - 3;

    *out++ = '"';
    for (; *text != '\0' && out < end; text++) {
        if (*text == '"' || *text == '\\')
            *out++ = '\\';
        *out++ = (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text;
    }
    *out++ = '"';
    *out = '\0';
    return storage->text;
}

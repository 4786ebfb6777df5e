/* log.c - see log.h. What is process-wide in this system is here, and nothing else is. */
#include "common/base/log.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log_line.h"
#include "common/base/log_repeats.h"
#include "common/base/utf8.h"

/* As logfmt. In JSON it is longer, but still one write into a pipe: PIPE_BUF, which poll() says
   there is room for. */
#define LINE_SIZE 2048

static struct {
    const char *service;
    enum log_format format;
    int fd;
    atomic_int level;
    pthread_mutex_t lock; /* of what follows, and of writing */
    struct log_repeats repeats;
    uint64_t lost;
} logger = {.service = "-",
            .fd = STDOUT_FILENO,
            .level = LOG_LEVEL_INFO,
            .lock = PTHREAD_MUTEX_INITIALIZER};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

void log_open(const char *service, enum log_level level, enum log_format format)
{
    logger.service = service;
    logger.format = format;
    log_set_level(level);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&logger.level, (int)level, memory_order_relaxed);
}

void log_to(int fd)
{
    logger.fd = fd;
}

/* False: there is no room for it, or no reader at all. That must not stop a service. */
static bool write_text(const char *text, size_t len)
{
    struct pollfd out = {.fd = logger.fd, .events = POLLOUT};

    return poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) != 0 &&
           write(logger.fd, text, len) == (ssize_t)len;
}

/* `line` has room for one byte behind its end. */
static bool write_line(char *line, size_t len)
{
    char json[PIPE_BUF];

    if (logger.format == LOG_FORMAT_JSON) {
        line[len] = '\0';
        len = log_line_to_json(line, json, sizeof(json) - 1);
        line = json;
    }
    line[len++] = '\n';
    return write_text(line, len);
}

/* Under the lock. */
static void say(enum log_level level, const char *event, const char *pairs)
{
    char line[LINE_SIZE], time[TIMESTAMP_SIZE];
    int len;

    timestamp_format(clock_utc_ms(), time);
    len = snprintf(line, sizeof(line) - 1, "time=%s level=%s service=%s event=%s%s%s", time,
                   level_names[level], logger.service, event, *pairs != '\0' ? " " : "", pairs);
    if (len > LINE_SIZE - 3)
        len = (int)log_line_repair(line, LINE_SIZE - 3);
    if (!write_line(line, (size_t)len))
        logger.lost++;
}

static void say_lost(void)
{
    char pairs[64];
    uint64_t lost = logger.lost;

    if (lost == 0)
        return;
    logger.lost = 0;
    snprintf(pairs, sizeof(pairs), "lost=%" PRIu64, lost);
    say(LOG_LEVEL_WARN, "log_lines_lost", pairs);
    if (logger.lost > 0)
        logger.lost = lost; /* still no room */
}

static void say_suppressed(int64_t now_ms)
{
    struct log_window window;
    char pairs[64];

    while (log_repeats_end(&logger.repeats, now_ms, &window)) {
        snprintf(pairs, sizeof(pairs), "suppressed=%" PRIu64, window.suppressed);
        say(window.level, window.event, pairs);
    }
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
    char pairs[LINE_SIZE];
    int64_t now_ms;
    va_list args;

    if ((int)level < atomic_load_explicit(&logger.level, memory_order_relaxed))
        return;
    va_start(args, format);
    vsnprintf(pairs, sizeof(pairs), format, args);
    va_end(args);
    now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&logger.lock);
    say_lost();
    say_suppressed(now_ms);
    if (level == LOG_LEVEL_DEBUG || log_repeats_allow(&logger.repeats, level, event, pairs, now_ms))
        say(level, event, pairs);
    pthread_mutex_unlock(&logger.lock);
}

void log_tick(void)
{
    pthread_mutex_lock(&logger.lock);
    say_lost();
    say_suppressed(clock_monotonic_ms());
    pthread_mutex_unlock(&logger.lock);
}

void log_flush(void)
{
    pthread_mutex_lock(&logger.lock);
    say_lost();
    say_suppressed(INT64_MAX);
    pthread_mutex_unlock(&logger.lock);
}

void log_from_signal(const char *pairs)
{
    char line[LINE_SIZE];
    size_t len = strnlen(pairs, sizeof(line) - 2);

    memcpy(line, pairs, len);
    (void)write_line(line, len); /* the process ends here, heard or not */
}

/* Controls, those of two bytes too: a terminal obeys them. */
static bool is_control(const char *text)
{
    unsigned char first = (unsigned char)text[0];

    return first < ' ' || first == 0x7f || (first == 0xc2 && (unsigned char)text[1] < 0xa0);
}

const char *log_quote(struct log_text *storage, const char *text)
{
    char *out = storage->text, *end = out + LOG_TEXT_SIZE - sizeof("\"");
    size_t left = strlen(text), len;

    *out++ = '"';
    for (; left > 0 && end - out >= 4; text += len, left -= len) {
        len = utf8_sequence(text, left);
        if (len == 0 || is_control(text)) {
            *out++ = len == 0 ? '?' : ' ';
            len = len == 0 ? 1 : len;
            continue;
        }
        if (*text == '"' || *text == '\\')
            *out++ = '\\';
        memcpy(out, text, len);
        out += len;
    }
    *out++ = '"';
    *out = '\0';
    return storage->text;
}

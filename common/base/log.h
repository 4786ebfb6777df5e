/*
 * log.h - logfmt lines on standard output: time, level, service, event, then the caller's pairs.
 *
 *   log_info("shard_owned", "shard=%d restore_ms=%" PRId64, shard, restore_ms);
 *
 * No payloads and no personal data: ids, names and numbers only. Any thread; a line is one write.
 * Free text goes through LOG_TEXT, which quotes it.
 */
#pragma once

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Set once by main before any thread starts. `service` is borrowed for the process. */
void log_open(const char *service, enum log_level level);

void log_write(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(event, ...) log_write(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) log_write(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) log_write(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_error(event, ...) log_write(LOG_LEVEL_ERROR, event, __VA_ARGS__)

#define LOG_TEXT_SIZE 600

/* Storage for one quoted text; its lifetime is the enclosing block. */
struct log_text {
    char text[LOG_TEXT_SIZE];
};

/* `text` in double quotes, quotes and backslashes escaped, controls as spaces; cut to fit. */
const char *log_quote(struct log_text *storage, const char *text);

#define LOG_TEXT(text) log_quote(&(struct log_text){{0}}, text)

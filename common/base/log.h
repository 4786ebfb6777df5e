/*
 * log.h - one line per event on standard output: time, level, service, event, then the caller's
 * pairs; as logfmt, or as JSON with the same members.
 *
 *   log_info("shard_owned", "shard=%d restore_ms=%" PRId64, shard, restore_ms);
 *
 * No payloads and no personal data: ids, names and numbers only. A line about an order has its
 * order_id, and its trace_id if it has one. Free text goes through LOG_TEXT, which quotes it; in
 * JSON, what is not quoted and looks like a whole number is one.
 *
 * A repeated line is left out for a while and counted, see log_repeats.h; debug lines never are.
 * Any thread. A line is one write, and none waits for a reader: where there is no room, lines are
 * lost and counted.
 */
#pragma once

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

/* Set once by main before any thread starts. `service` is borrowed for the process. */
void log_open(const char *service, enum log_level level, enum log_format format);

/* "info"; static. */
const char *log_level_name(enum log_level level);

/* Any time, any thread. */
void log_set_level(enum log_level level);

/* Other than standard output; as log_open(). `fd` is borrowed. */
void log_to(int fd);

/* `event` is borrowed for the process: a literal. */
void log_write(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says what was left out in windows that have ended; some times a minute. */
void log_tick(void);

/* Says it of all windows: at the end. */
void log_flush(void);

/* Writes these pairs and nothing else, from a signal handler. */
void log_from_signal(const char *pairs);

#define log_debug(event, ...) log_write(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) log_write(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) log_write(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_error(event, ...) log_write(LOG_LEVEL_ERROR, event, __VA_ARGS__)

#define LOG_TEXT_SIZE 600

/* Storage for one quoted text; its lifetime is the enclosing block. */
struct log_text {
    char text[LOG_TEXT_SIZE];
};

/*
 * `text` in double quotes, quotes and backslashes escaped, controls as spaces, what is no UTF-8 as
 * question marks; cut to fit.
 */
const char *log_quote(struct log_text *storage, const char *text);

#define LOG_TEXT(text) log_quote(&(struct log_text){{0}}, text)

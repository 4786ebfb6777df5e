/*
 * log_repeats.h - which lines are said, and which have been said too often. Within a window, which
 * begins with its first line, an event has at most LOG_LINES_MAX lines, no two of them the same.
 * The rest is counted, and the count told when the window has ended. Knows no clock and no lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/log.h"

#define LOG_WINDOW_MS 10000
#define LOG_LINES_MAX 20
/* Events with an open window; more of them than these are not limited. */
#define LOG_EVENTS_MAX 64

struct log_window {
    const char *event;
    enum log_level level;
    int64_t since_ms;
    uint64_t suppressed;
    size_t line_count;
    uint64_t lines[LOG_LINES_MAX]; /* hashes of those that were said */
};

struct log_repeats {
    size_t count;
    struct log_window windows[LOG_EVENTS_MAX];
};

/* True if this line is to be said; else it has been counted. `event` is borrowed for ever. */
bool log_repeats_allow(struct log_repeats *repeats, enum log_level level, const char *event,
                       const char *pairs, int64_t now_ms);

/* Ends one window that is over. False: there is none that has something to tell. */
bool log_repeats_end(struct log_repeats *repeats, int64_t now_ms, struct log_window *ret);

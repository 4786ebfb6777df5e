/* log_repeats.c - see log_repeats.h. */
#include "common/base/log_repeats.h"

#include "common/base/util.h"

/* FNV-1a. Two lines with one hash: one of them is counted instead of said. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash;
}

static struct log_window *window_of(struct log_repeats *repeats, enum log_level level,
                                    const char *event, int64_t now_ms)
{
    struct log_window *window;

    for (size_t i = 0; i < repeats->count; i++) {
        window = &repeats->windows[i];
        if (window->level == level && str_equal(window->event, event))
            return window;
    }
    if (repeats->count == LOG_EVENTS_MAX)
        return NULL;
    window = &repeats->windows[repeats->count++];
    *window = (struct log_window){.event = event, .level = level, .since_ms = now_ms};
    return window;
}

static bool was_said(const struct log_window *window, uint64_t line)
{
    for (size_t i = 0; i < window->line_count; i++)
        if (window->lines[i] == line)
            return true;
    return false;
}

bool log_repeats_allow(struct log_repeats *repeats, enum log_level level, const char *event,
                       const char *pairs, int64_t now_ms)
{
    struct log_window *window = window_of(repeats, level, event, now_ms);
    uint64_t line = hash_of(pairs);

    if (window == NULL)
        return true;
    if (window->line_count == LOG_LINES_MAX || was_said(window, line)) {
        window->suppressed++;
        return false;
    }
    window->lines[window->line_count++] = line;
    return true;
}

bool log_repeats_end(struct log_repeats *repeats, int64_t now_ms, struct log_window *ret)
{
    size_t i = 0;

    while (i < repeats->count) {
        struct log_window *window = &repeats->windows[i];

        if (now_ms - window->since_ms < LOG_WINDOW_MS) {
            i++;
            continue;
        }
        *ret = *window;
        *window = repeats->windows[--repeats->count];
        if (ret->suppressed > 0)
            return true;
    }
    return false;
}

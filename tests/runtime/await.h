/*
 * await.h - waiting for what is to come: always on a condition, and never longer than a named
 * time.
 */
#pragma once

#include <check.h>
#include <poll.h>
#include <stdbool.h>

#include "common/base/clock.h"

/* Between two looks. */
#define AWAIT_POLL_MS 5

/* Fails the test when the condition is still false after that time. */
#define AWAIT(condition, ms_max)                                                                   \
    do {                                                                                           \
        int64_t end_ms_ = clock_monotonic_ms() + (ms_max);                                         \
                                                                                                   \
        while (!(condition)) {                                                                     \
            ck_assert_msg(clock_monotonic_ms() < end_ms_, "still not after %d ms: %s",             \
                          (int)(ms_max), #condition);                                              \
            (void)poll(NULL, 0, AWAIT_POLL_MS);                                                    \
        }                                                                                          \
    } while (0)

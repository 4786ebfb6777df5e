/*
 * post.h - HTTP requests to one address, by libcurl. It is loaded when the first poster is made:
 * linked, it and its twenty libraries would cost each service 3 MiB, most of which export nothing.
 * One thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"

/* Of an answer; the rest is not read. */
#define POST_ANSWER_SIZE 4096

struct poster;

/*
 * `url` is copied. `ret` is owned by the caller. Returns 0, -ENOENT (no libcurl on this machine),
 * -EINVAL (no URL of http or https) or -ENOMEM.
 */
int poster_new(const char *url, struct poster **ret, struct error *err);
void poster_free(struct poster *poster); /* NULL is harmless */

struct post_answer {
    long status;           /* 0: there was none, see `reason` */
    int64_t retry_after_s; /* 0: not said */
    const char *reason;    /* static; no part of the URL, which may have a password */
    size_t len;
    char body[POST_ANSWER_SIZE];
};

/*
 * Sends JSON and waits for the answer, at most `timeout_ms`. `is_over` is asked many times a
 * second: when it says true, the request is given up.
 */
void poster_send(struct poster *poster, const char *body, size_t len, int64_t timeout_ms,
                 bool (*is_over)(void *context), void *context, struct post_answer *ret);

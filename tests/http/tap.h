/*
 * tap.h - numbers, one a line, and the streams that follow them: what the tests of streams watch.
 * All functions are called from any thread.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "common/http/http.h"

struct follower;

struct tap {
    pthread_mutex_t lock;
    size_t published; /* "0\n" ... are there to be read */
    bool is_over;
    struct follower *followers;
    size_t open, closed; /* streams */
    size_t reads;
    pthread_t publisher;
    bool has_publisher;
};

enum tap_manner {
    TAP_PLAIN,       /* has all numbers from 0 */
    TAP_SELF_WAKING, /* has nothing to say, but a number is published before that is returned */
    TAP_ENDLESS,     /* never has enough */
};

/* What a self-waking stream publishes by and by. */
#define TAP_SELF_WAKES 1000

/* Answers with a stream. */
void tap_follow(struct tap *tap, struct http_request *request, enum tap_manner manner);

void tap_publish(struct tap *tap, size_t count);

/* The same from a thread of its own, number by number. The one before must be done. */
void tap_publish_elsewhere(struct tap *tap, size_t count);

/* From now on a stream ends with the last number. */
void tap_end(struct tap *tap);

/* Joins the publisher. */
void tap_done(struct tap *tap);

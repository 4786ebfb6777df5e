/* tap.c - see tap.h. */
#include "tap.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct follower {
    struct tap *tap;
    struct http_stream *stream;
    size_t next_number;
    enum tap_manner manner;
    struct follower *previous, *next;
};

struct errand {
    struct tap *tap;
    size_t count;
};

static ssize_t read_numbers(void *context, char *buffer, size_t size)
{
    struct follower *follower = context;
    struct tap *tap = follower->tap;
    char line[32];
    size_t len = 0;

    if (follower->manner == TAP_ENDLESS) {
        memset(buffer, 'x', size);
        return (ssize_t)size;
    }
    pthread_mutex_lock(&tap->lock);
    tap->reads++;
    while (follower->next_number < tap->published) {
        int line_len = snprintf(line, sizeof(line), "%zu\n", follower->next_number);

        if (size - len < (size_t)line_len)
            break;
        memcpy(buffer + len, line, (size_t)line_len);
        len += (size_t)line_len;
        follower->next_number++;
    }
    bool is_over = len == 0 && tap->is_over;
    bool wakes =
        len == 0 && follower->manner == TAP_SELF_WAKING && follower->next_number < TAP_SELF_WAKES;
    pthread_mutex_unlock(&tap->lock);
    if (wakes)
        tap_publish(tap, 1);
    return is_over ? HTTP_STREAM_END : (ssize_t)len;
}

static void leave(void *context)
{
    struct follower *follower = context;
    struct tap *tap = follower->tap;

    pthread_mutex_lock(&tap->lock);
    if (follower->next != NULL)
        follower->next->previous = follower->previous;
    if (follower->previous != NULL)
        follower->previous->next = follower->next;
    else
        tap->followers = follower->next;
    tap->open--;
    tap->closed++;
    pthread_mutex_unlock(&tap->lock);
    free(follower);
}

void tap_follow(struct tap *tap, struct http_request *request, enum tap_manner manner)
{
    struct follower *follower = calloc(1, sizeof(*follower));
    const struct http_stream_source source = {read_numbers, leave, follower};

    assert(follower != NULL);
    follower->tap = tap;
    follower->manner = manner;
    http_set_header(request, "X-Accel-Buffering", "no");
    /* What closes it at once waits until it is in the list. */
    pthread_mutex_lock(&tap->lock);
    int r = http_answer_stream(request, "text/event-stream", &source, &follower->stream);
    assert(r == 0);
    follower->next = tap->followers;
    if (follower->next != NULL)
        follower->next->previous = follower;
    tap->followers = follower;
    tap->open++;
    pthread_mutex_unlock(&tap->lock);
}

static void wake_all(struct tap *tap)
{
    for (struct follower *follower = tap->followers; follower != NULL; follower = follower->next)
        http_stream_wake(follower->stream);
}

void tap_publish(struct tap *tap, size_t count)
{
    pthread_mutex_lock(&tap->lock);
    tap->published += count;
    wake_all(tap);
    pthread_mutex_unlock(&tap->lock);
}

static void *publish_one_by_one(void *context)
{
    struct errand *errand = context;

    for (size_t i = 0; i < errand->count; i++)
        tap_publish(errand->tap, 1);
    free(errand);
    return NULL;
}

void tap_publish_elsewhere(struct tap *tap, size_t count)
{
    struct errand *errand = malloc(sizeof(*errand));

    assert(errand != NULL);
    *errand = (struct errand){tap, count};
    tap_done(tap);
    tap->has_publisher = pthread_create(&tap->publisher, NULL, publish_one_by_one, errand) == 0;
    assert(tap->has_publisher);
}

void tap_end(struct tap *tap)
{
    pthread_mutex_lock(&tap->lock);
    tap->is_over = true;
    wake_all(tap);
    pthread_mutex_unlock(&tap->lock);
}

void tap_done(struct tap *tap)
{
    if (tap->has_publisher)
        pthread_join(tap->publisher, NULL);
    tap->has_publisher = false;
}

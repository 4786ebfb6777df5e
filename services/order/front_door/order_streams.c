/*
 * order_streams.c - see order_streams.h. The lock is of the lists and of what says when a reader is
 * to be woken; where it stands is known to the HTTP thread alone. A reader is woken once, until it
 * has read again: the mark is taken off before it reads, so that nothing is missed.
 */
#include "services/order/front_door/order_streams.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "services/order/front_door/order_answer.h"

#define BUCKETS 1024 /* a power of two */
#define ALL BUCKETS  /* the list of those who read all orders stands behind the buckets */
#define TICK_MS 1000

struct client {
    struct order_streams *streams;
    struct http_stream *stream;
    struct client *previous, *next; /* of its list */
    size_t list;
    bool is_woken;           /* and has not read since */
    bool is_held;            /* waits for a cause */
    bool is_live;            /* has caught up once */
    bool is_dropped;         /* was too far behind */
    int64_t sent_ms;         /* when it was last given something; monotonic, as all here */
    int64_t behind_since_ms; /* 0: it has all there is */

    struct stream_reader reader; /* the HTTP thread's */
};

struct order_streams {
    pthread_mutex_t lock;
    bool closed;
    atomic_size_t count;
    int64_t next_tick_ms;
    struct client *lists[BUCKETS + 1];
    struct stream_desk desk; /* the HTTP thread's */
};

int order_streams_new(struct order_streams **ret, struct error *err)
{
    struct order_streams *streams = calloc(1, sizeof(*streams));

    if (streams == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    pthread_mutex_init(&streams->lock, NULL);
    *ret = streams;
    return 0;
}

void order_streams_free(struct order_streams *streams)
{
    if (streams == NULL)
        return;
    assert(streams->count == 0);
    pthread_mutex_destroy(&streams->lock);
    free(streams);
}

void order_streams_connect(struct order_streams *streams, struct projection *projection,
                           struct codec *codec)
{
    streams->desk.projection = projection;
    streams->desk.codec = codec;
}

/* FNV-1a */
static size_t bucket_of(const char *order_id)
{
    uint32_t hash = 2166136261u;

    for (const char *p = order_id; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    return hash & (BUCKETS - 1);
}

/* ------------------------------------------------------------------ waking, under the lock */

static void wake(struct client *client)
{
    if (client->is_woken)
        return;
    client->is_woken = true;
    http_stream_wake(client->stream);
}

static void wake_for_news(struct client *client, int64_t now_ms)
{
    if (client->behind_since_ms == 0)
        client->behind_since_ms = now_ms;
    wake(client);
}

size_t order_streams_count(const struct order_streams *streams)
{
    return streams->count;
}

bool order_streams_is_wanted(const struct order_streams *streams)
{
    return streams->count > 0;
}

void order_streams_on_changes(struct order_streams *streams, const struct order_change *changes,
                              size_t count)
{
    int64_t now_ms = clock_monotonic_ms();

    pthread_mutex_lock(&streams->lock);
    for (size_t i = 0; i < count; i++) {
        struct client *client = streams->lists[bucket_of(changes[i].order_id)];

        for (; client != NULL; client = client->next)
            if (str_equal(client->reader.order_id, changes[i].order_id))
                wake_for_news(client, now_ms);
    }
    for (struct client *client = streams->lists[ALL]; client != NULL; client = client->next)
        wake_for_news(client, now_ms);
    pthread_mutex_unlock(&streams->lock);
}

static bool is_due(const struct client *client, int64_t now_ms)
{
    return now_ms - client->sent_ms >= STREAM_HEARTBEAT_MS;
}

void order_streams_tick(struct order_streams *streams, int64_t now_ms)
{
    pthread_mutex_lock(&streams->lock);
    for (size_t i = 0; now_ms >= streams->next_tick_ms && i <= ALL; i++)
        for (struct client *client = streams->lists[i]; client != NULL; client = client->next)
            if (client->is_held || is_due(client, now_ms))
                wake(client);
    if (now_ms >= streams->next_tick_ms)
        streams->next_tick_ms = now_ms + TICK_MS;
    pthread_mutex_unlock(&streams->lock);
}

void order_streams_close(struct order_streams *streams)
{
    pthread_mutex_lock(&streams->lock);
    streams->closed = true;
    for (size_t i = 0; i <= ALL; i++)
        for (struct client *client = streams->lists[i]; client != NULL; client = client->next)
            wake(client);
    pthread_mutex_unlock(&streams->lock);
}

/* -------------------------------------------------------------- a stream, on the HTTP thread */

static void note_progress(struct client *client, const struct stream_progress *progress,
                          ssize_t got, int64_t now_ms)
{
    client->is_held = progress->is_held;
    if (got > 0)
        client->sent_ms = now_ms;
    if (!progress->has_more) {
        client->is_live = true;
        client->behind_since_ms = 0;
    } else if (client->behind_since_ms == 0) {
        client->behind_since_ms = now_ms;
    }
    client->is_dropped = client->is_live && client->behind_since_ms > 0 &&
                         now_ms - client->behind_since_ms >= STREAM_LAG_MS_MAX;
}

static ssize_t read_client(void *context, char *buffer, size_t size)
{
    struct client *client = context;
    struct order_streams *streams = client->streams;
    int64_t now_ms = clock_monotonic_ms();
    struct stream_progress progress;
    struct error err;
    bool closed;
    ssize_t got;

    pthread_mutex_lock(&streams->lock);
    client->is_woken = false;
    closed = streams->closed;
    pthread_mutex_unlock(&streams->lock);
    if (closed)
        return HTTP_STREAM_END;
    got = stream_reader_fill(&client->reader, &streams->desk, clock_utc_ms(),
                             is_due(client, now_ms), buffer, size, &progress, &err);
    if (got < 0) {
        log_warn("stream_ended", "reason=%s", LOG_TEXT(err.text));
        return HTTP_STREAM_END;
    }
    pthread_mutex_lock(&streams->lock);
    note_progress(client, &progress, got, now_ms);
    pthread_mutex_unlock(&streams->lock);
    return client->is_dropped ? HTTP_STREAM_END : got;
}

/* Those whom the server has closed because they take nothing have had news for about as long. */
static void note_dropped(const struct client *client)
{
    int64_t now_ms = clock_monotonic_ms();
    bool is_stalled =
        client->behind_since_ms > 0 && now_ms - client->sent_ms >= STREAM_LAG_MS_MAX / 2;

    if (client->is_dropped || is_stalled)
        log_warn("stream_reader_dropped", "order_id=%s behind_ms=%lld silent_ms=%lld",
                 client->reader.order_id, (long long)(now_ms - client->behind_since_ms),
                 (long long)(now_ms - client->sent_ms));
}

static void close_client(void *context)
{
    struct client *client = context;
    struct order_streams *streams = client->streams;

    pthread_mutex_lock(&streams->lock);
    if (client->previous != NULL)
        client->previous->next = client->next;
    else
        streams->lists[client->list] = client->next;
    if (client->next != NULL)
        client->next->previous = client->previous;
    streams->count--;
    pthread_mutex_unlock(&streams->lock);
    note_dropped(client);
    free(client);
}

static struct client *client_new(struct order_streams *streams, const struct stream_reader *reader)
{
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL)
        return NULL;
    client->streams = streams;
    client->reader = *reader;
    client->list = reader->kind == STREAM_OF_ORDER ? bucket_of(reader->order_id) : ALL;
    client->sent_ms = clock_monotonic_ms();
    stream_reader_open(&client->reader);
    return client;
}

static void enlist(struct client *client)
{
    struct order_streams *streams = client->streams;

    pthread_mutex_lock(&streams->lock);
    client->next = streams->lists[client->list];
    if (client->next != NULL)
        client->next->previous = client;
    streams->lists[client->list] = client;
    streams->count++;
    pthread_mutex_unlock(&streams->lock);
}

/* Nothing is read before this has returned; and what is read then is all that came before. */
void order_streams_start(struct order_streams *streams, struct http_request *request,
                         const struct stream_reader *reader)
{
    struct http_stream_source source = {.read = read_client, .closed = close_client};
    struct client *client = NULL;

    if (streams->count < STREAM_READERS_MAX)
        client = client_new(streams, reader);
    source.context = client;
    http_set_header(request, "X-Accel-Buffering", "no");
    if (client != NULL &&
        http_answer_stream(request, "text/event-stream", &source, &client->stream) == 0) {
        enlist(client);
        return;
    }
    free(client);
    order_answer_later(request, 503, "too many streams are being read");
}

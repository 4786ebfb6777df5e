/*
 * order_streams.c - see order_streams.h. The lock is of the lists and of what says when a reader is
 * to be woken; where it stands is known to the HTTP thread alone. A reader is woken once, until it
 * has read again: the mark is taken off before it reads, so that nothing is missed.
 */
#include "services/order/order_streams.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "services/order/stream_reader.h"

#define BUCKETS 1024 /* a power of two */
#define ALL BUCKETS  /* the list of those who read all orders stands behind the buckets */
#define RETRY_AFTER_S "2"
#define EVENT_STREAM "text/event-stream"
#define TICK_MS 1000

struct client {
    struct order_streams *streams;
    struct http_stream *stream;
    struct client *previous, *next; /* of its list */
    size_t list;
    bool is_woken;           /* and has not read since */
    bool is_held;            /* waits for a cause */
    bool is_live;            /* has caught up once */
    int64_t sent_ms;         /* when it was last given something; monotonic, as all here */
    int64_t behind_since_ms; /* 0: it has all there is */

    struct stream_reader reader; /* the HTTP thread's */
};

struct order_streams {
    const struct order_reads *reads;
    pthread_mutex_t lock;
    bool closed;
    atomic_size_t count;
    int64_t next_tick_ms;
    struct client *lists[BUCKETS + 1];
    struct stream_desk desk; /* the HTTP thread's */
};

int order_streams_new(const struct order_reads *reads, struct order_streams **ret,
                      struct error *err)
{
    struct order_streams *streams = calloc(1, sizeof(*streams));

    if (streams == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    streams->reads = reads;
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

/* False: it is too far behind. */
static bool note_progress(struct client *client, const struct stream_progress *progress, ssize_t got,
                          int64_t now_ms)
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
    return !client->is_live || client->behind_since_ms == 0 ||
           now_ms - client->behind_since_ms < STREAM_LAG_MS_MAX;
}

static ssize_t read_client(void *context, char *buffer, size_t size)
{
    struct client *client = context;
    struct order_streams *streams = client->streams;
    int64_t now_ms = clock_monotonic_ms();
    struct stream_progress progress;
    struct error err;
    bool closed, kept;
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
    kept = note_progress(client, &progress, got, now_ms);
    if (got == 0 && progress.has_more)
        wake(client);
    pthread_mutex_unlock(&streams->lock);
    return kept ? got : HTTP_STREAM_END;
}

static void close_client(void *context)
{
    struct client *client = context;
    struct order_streams *streams = client->streams;
    int64_t now_ms = clock_monotonic_ms(), behind_ms = 0;

    pthread_mutex_lock(&streams->lock);
    if (client->previous != NULL)
        client->previous->next = client->next;
    else
        streams->lists[client->list] = client->next;
    if (client->next != NULL)
        client->next->previous = client->previous;
    if (client->behind_since_ms > 0)
        behind_ms = now_ms - client->behind_since_ms;
    streams->count--;
    pthread_mutex_unlock(&streams->lock);
    /* What the server closes because its client takes nothing may have got its news a little later. */
    if (behind_ms >= STREAM_LAG_MS_MAX / 2)
        log_warn("stream_reader_dropped", "order_id=%s behind_ms=%lld", client->reader.order_id,
                 (long long)behind_ms);
    free(client);
}

/* ------------------------------------------------------------------------------ the requests */

static void refuse_for_now(struct http_request *request, const char *detail)
{
    http_set_header(request, "Retry-After", RETRY_AFTER_S);
    http_answer_problem(request, 503, detail, NULL, 0);
}

static void refuse_param(struct http_request *request, const char *name, const char *detail)
{
    struct http_fault fault;

    str_copy(fault.pointer, sizeof(fault.pointer), name);
    str_copy(fault.detail, sizeof(fault.detail), detail);
    http_answer_problem(request, 400, "the request is not understood", &fault, 1);
}

/* Where the client says it was. True: `ret` is written, if it says so. False: it is answered. */
static bool read_last_id(struct http_request *request, char kind, size_t rows, size_t columns,
                         int64_t *ret, bool *ret_given)
{
    const char *id = http_request_header(request, "Last-Event-ID");

    *ret_given = id != NULL && id[0] != '\0';
    if (!*ret_given || stream_id_parse(id, kind, rows, columns, ret))
        return true;
    refuse_param(request, "Last-Event-ID", "must be the id of an event of this stream");
    return false;
}

static struct client *client_new(struct order_streams *streams, struct http_request *request)
{
    struct client *client = NULL;

    if (streams->count < STREAM_READERS_MAX)
        client = calloc(1, sizeof(*client));
    if (client == NULL)
        refuse_for_now(request, "too many streams are being read");
    else
        client->streams = streams;
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

/* Takes the client. Nothing is read before this has returned; from then on nothing is missed. */
static void start(struct client *client, struct http_request *request)
{
    const struct http_stream_source source = {
        .read = read_client, .closed = close_client, .context = client};

    client->list =
        client->reader.kind == STREAM_OF_ORDER ? bucket_of(client->reader.order_id) : ALL;
    client->sent_ms = clock_monotonic_ms();
    stream_reader_open(&client->reader);
    client->streams->desk.projection = client->streams->reads->projection;
    client->streams->desk.codec = client->streams->reads->codec;
    http_set_header(request, "X-Accel-Buffering", "no");
    if (http_answer_stream(request, EVENT_STREAM, &source, &client->stream) < 0) {
        refuse_for_now(request, "out of memory");
        free(client);
    } else {
        enlist(client);
    }
}

/* True if the order is there; otherwise the request is answered. */
static bool is_known(struct order_streams *streams, struct http_request *request,
                     const char *order_id)
{
    const struct order_reads *reads = streams->reads;
    struct history history = {.count = 0};
    struct order_view view;
    struct error err;
    int r = 0;

    if (uuid_is_valid(order_id, strlen(order_id)))
        r = projection_read(reads->projection, reads->codec, order_id, &history, &err);
    if (r < 0) {
        refuse_for_now(request, err.text);
        return false;
    }
    order_view_fold(history.entries, history.count, &view);
    history_done(&history);
    if (view.status == ORDER_UNKNOWN)
        http_answer_problem(request, 404, "there is no such order", NULL, 0);
    return view.status != ORDER_UNKNOWN;
}

/* Who was told of the order elsewhere may come before this replica has it. */
static bool was_told(const int64_t positions[ORDER_POSITIONS])
{
    return positions[history_topic_index(TOPIC_ORDERS)] > 0;
}

void order_streams_get_order(struct order_streams *streams, struct http_request *request)
{
    const char *order_id = http_request_param(request, "order_id");
    int64_t positions[ORDER_POSITIONS] = {0};
    struct client *client;
    bool given;

    if (!has_only(request, NULL, 0) ||
        !read_last_id(request, STREAM_OF_ORDER, 1, ORDER_POSITIONS, positions, &given))
        return;
    if (!(was_told(positions) && uuid_is_valid(order_id, strlen(order_id))) &&
        !is_known(streams, request, order_id))
        return;
    client = client_new(streams, request);
    if (client == NULL)
        return;
    client->reader.kind = STREAM_OF_ORDER;
    str_copy(client->reader.order_id, UUID_SIZE, order_id);
    memcpy(client->reader.positions, positions, sizeof(positions));
    start(client, request);
}

/* True if all is well with it, or it is not given; otherwise the request is answered. */
static bool check_customer(struct http_request *request, const char *customer_id)
{
    struct error err;

    if (customer_id == NULL ||
        event_text_check(EVENT_ORDER_PLACED, "customer_id", customer_id, &err) == 0)
        return true;
    refuse_param(request, "customer_id", err.text);
    return false;
}

void order_streams_get_all(struct order_streams *streams, struct http_request *request)
{
    static const char *const names[] = {"customer_id"};
    const char *customer_id = http_request_query(request, "customer_id");
    struct feed_positions positions;
    struct feed_cursor cursor;
    struct client *client;
    struct error err;
    bool given;

    if (!has_only(request, names, ARRAY_LEN(names)) || !check_customer(request, customer_id) ||
        !read_last_id(request, STREAM_OF_ALL, HISTORY_TOPIC_COUNT, HISTORY_PARTITIONS_MAX,
                      positions.next[0], &given))
        return;
    if (projection_feed_begin(streams->reads->projection, given ? &positions : NULL, &cursor,
                              &err) < 0) {
        refuse_for_now(request, err.text);
        return;
    }
    client = client_new(streams, request);
    if (client == NULL)
        return;
    client->reader.kind = STREAM_OF_ALL;
    client->reader.cursor = cursor;
    if (customer_id != NULL)
        str_copy(client->reader.customer_id, CUSTOMER_ID_SIZE, customer_id);
    start(client, request);
}

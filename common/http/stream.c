/*
 * stream.c - see http.h: an answer that is written bit by bit. Between two bits its connection is
 * suspended, as libmicrohttpd would otherwise ask again and again.
 *
 * server->lock guards falling asleep and waking, so that each wake is seen: by the sleeper, or as
 * `woken` by the one that is about to lie down. read() and closed() are called without it.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/http/internal.h"

/* What HTTP/1.0 gets at a time; with chunks it is what the connection's memory has room for. */
#define BLOCK_BYTES 1024

struct http_stream {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct http_stream_source source;
    bool sleeping; /* the connection is suspended */
    bool woken;    /* since the last read() began, and it was not asleep */
};

/* False: there may be something to read, or the server is closing, which no one sleeps through. */
static bool fall_asleep(struct http_stream *stream)
{
    struct http_server *server = stream->server;
    bool sleeps;

    pthread_mutex_lock(&server->lock);
    sleeps = stream->sleeping = !stream->woken && !server->closing;
    stream->woken = false;
    if (sleeps)
        MHD_suspend_connection(stream->connection);
    pthread_mutex_unlock(&server->lock);
    return sleeps; /* the stream itself may be awake again already */
}

static ssize_t produce(void *context, uint64_t position, char *buffer, size_t size)
{
    struct http_stream *stream = context;
    ssize_t len;

    (void)position;
    do {
        if (stream->server->closing)
            return MHD_CONTENT_READER_END_OF_STREAM;
        len = stream->source.read(stream->source.context, buffer, size);
        assert(len == HTTP_STREAM_END || (len >= 0 && (size_t)len <= size));
    } while (len == 0 && !fall_asleep(stream));
    return len == HTTP_STREAM_END ? MHD_CONTENT_READER_END_OF_STREAM : len;
}

void stream_wake(struct http_stream *stream)
{
    if (stream->sleeping)
        MHD_resume_connection(stream->connection);
    else
        stream->woken = true;
    stream->sleeping = false;
}

void http_stream_wake(struct http_stream *stream)
{
    struct http_server *server = stream->server;

    pthread_mutex_lock(&server->lock);
    stream_wake(stream);
    pthread_mutex_unlock(&server->lock);
}

/* The library ends the answer to a HEAD request as if it had sent the chunks, unless it closes. */
static bool without_chunks(struct MHD_Response *response)
{
    return MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END) ==
           MHD_YES;
}

int http_answer_stream(struct http_request *request, const char *content_type,
                       const struct http_stream_source *source, struct http_stream **ret)
{
    struct http_stream *stream = malloc(sizeof(*stream));
    struct MHD_Response *response =
        stream != NULL ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, produce,
                                                           stream, NULL)
                       : NULL;

    if (response == NULL || (request->is_head && !without_chunks(response))) {
        if (response != NULL)
            MHD_destroy_response(response);
        free(stream);
        return -ENOMEM;
    }
    *stream = (struct http_stream){
        .server = request->server, .connection = request->connection, .source = *source};
    request->stream = *ret = stream;
    answer_finish(request, MHD_HTTP_OK, content_type, response);
    return 0;
}

void stream_close(struct http_stream *stream)
{
    if (stream->source.closed != NULL)
        stream->source.closed(stream->source.context);
    free(stream);
}

/*
 * reaper.c - closes connections whose client takes too long to send a request. The library's own
 * timeout counts from the last byte, so one byte a second would hold a connection for ever.
 *
 * It only shuts sockets down; the library then sees an end and closes. A peer leaves the list
 * before its socket is closed, so under the lock the number still means that connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/http/internal.h"

#define ROUND_S 5

static void shut_slow_peers(struct http_server *server)
{
    int64_t latest_ms = clock_monotonic_ms() - HTTP_RECEIVE_S * 1000;

    for (struct peer *peer = server->peers; peer != NULL; peer = peer->next)
        if (peer->waits_since_ms < latest_ms) {
            shutdown(peer->fd, SHUT_RDWR);
            peer->waits_since_ms = INT64_MAX; /* once is enough */
            metric_add(server->measures.slow, 1);
        }
}

static void *reap(void *context)
{
    struct http_server *server = context;
    struct timespec next;

    clock_gettime(CLOCK_MONOTONIC, &next);
    pthread_mutex_lock(&server->lock);
    while (!server->stopping) {
        next.tv_sec += ROUND_S;
        while (!server->stopping &&
               pthread_cond_timedwait(&server->changed, &server->lock, &next) == 0)
            ;
        shut_slow_peers(server);
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

int reaper_start(struct http_server *server, struct error *err)
{
    int r = pthread_create(&server->reaper, NULL, reap, server);

    return r == 0 ? 0 : error_set(err, -EIO, "cannot start a thread: %s", strerror(r));
}

void reaper_stop(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->reaper, NULL);
}

static void enter(struct http_server *server, struct MHD_Connection *connection, struct peer **ret)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct peer *peer = info != NULL ? calloc(1, sizeof(*peer)) : NULL;

    if (peer == NULL)
        return; /* then this one is only under the library's timeout */
    peer->fd = info->connect_fd;
    peer->waits_since_ms = clock_monotonic_ms();
    peer->next = server->peers;
    if (peer->next != NULL)
        peer->next->previous = peer;
    server->peers = peer;
    *ret = peer;
}

static void leave(struct http_server *server, struct peer *peer)
{
    if (peer->next != NULL)
        peer->next->previous = peer->previous;
    if (peer->previous != NULL)
        peer->previous->next = peer->next;
    else
        server->peers = peer->next;
    free(peer);
}

void reaper_notice(void *context, struct MHD_Connection *connection, void **socket_context,
                   enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = context;
    struct peer *peer = *socket_context;

    metric_add(server->measures.connections, code == MHD_CONNECTION_NOTIFY_STARTED ? 1 : -1);
    pthread_mutex_lock(&server->lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        enter(server, connection, &peer);
    else if (peer != NULL)
        leave(server, peer);
    *socket_context = code == MHD_CONNECTION_NOTIFY_STARTED ? peer : NULL;
    pthread_mutex_unlock(&server->lock);
}

void reaper_set_waiting(struct http_server *server, struct MHD_Connection *connection, bool waiting)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct peer *peer = info != NULL ? info->socket_context : NULL;

    if (peer == NULL)
        return;
    pthread_mutex_lock(&server->lock);
    peer->waits_since_ms = waiting ? clock_monotonic_ms() : INT64_MAX;
    pthread_mutex_unlock(&server->lock);
}

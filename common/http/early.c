/*
 * early.c - an answer to a request whose body nobody wants to keep. libmicrohttpd can answer
 * before the body only by closing the connection; with unread bytes in it the kernel then resets
 * it, and a client that is still sending sees a broken connection and no answer. So the answer
 * goes to the socket directly, and the body is read and thrown away behind it (RFC 9112, 9.6).
 *
 * Nothing of the library is under way then: it sends nothing while it receives a request.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/http/internal.h"

#define EARLY_ANSWER_SIZE 1024
#define HTTP_DATE "%a, %d %b %Y %H:%M:%S GMT"

static void format_date(char *out, size_t size)
{
    time_t now = time(NULL);
    struct tm utc;

    if (gmtime_r(&now, &utc) == NULL || strftime(out, size, HTTP_DATE, &utc) == 0)
        out[0] = '\0';
}

void answer_early(struct http_request *request, unsigned status, const char *detail)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    json_t *document = problem_document(status, detail, NULL, 0);
    CLEANUP(free_ptr) char *body = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
    char answer[EARLY_ANSWER_SIZE], date[64];

    json_decref(document);
    request->spoken = true;
    measure_answer(request, status);
    if (info == NULL || body == NULL)
        return;
    format_date(date, sizeof(date));
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\n"
                       "Content-Type: application/problem+json\r\nContent-Length: %zu\r\n"
                       "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n%s",
                       status, MHD_get_reason_phrase_for(status), date, strlen(body), body);
    /* A client that cannot take these few bytes has its receive window closed: it is gone. */
    if (len > 0 && (size_t)len < sizeof(answer))
        (void)send(info->connect_fd, answer, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

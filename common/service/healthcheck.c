/* healthcheck.c - see healthcheck.h. */
#include "common/service/healthcheck.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/base/cleanup.h"

/* For each step of it. A service that takes longer to say so is not ready. */
#define STEP_TIMEOUT_S 2
/* /readyz answers in a few hundred bytes. */
#define ANSWER_SIZE 4096

static const char request[] = "GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n";

static int connect_to(uint16_t port, int *ret)
{
    const struct timeval timeout = {.tv_sec = STEP_TIMEOUT_S};
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    CLEANUP(close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    *ret = fd;
    fd = -1;
    return 0;
}

/* To the end of the connection, or as much as there is room for. */
static int read_answer(int fd, char answer[ANSWER_SIZE])
{
    size_t len = 0;
    ssize_t n;

    while ((n = recv(fd, answer + len, ANSWER_SIZE - 1 - len, 0)) > 0)
        len += (size_t)n;
    answer[len] = '\0';
    return n < 0 ? -errno : 0;
}

static int ask(uint16_t port, char answer[ANSWER_SIZE])
{
    CLEANUP(close_fd) int fd = -1;
    int r = connect_to(port, &fd);

    if (r < 0)
        return r;
    if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1)
        return -EIO;
    return read_answer(fd, answer);
}

int healthcheck(int64_t port, FILE *out, struct error *err)
{
    char answer[ANSWER_SIZE];
    int r = ask((uint16_t)port, answer);

    if (r < 0)
        return error_set(err, r, "no answer from port %d: %s", (int)port, strerror(-r));

    const char *body = strstr(answer, "\r\n\r\n");
    const char *status = strchr(answer, ' ');

    if (body == NULL || status == NULL)
        return error_set(err, -EIO, "port %d does not speak HTTP", (int)port);
    fprintf(out, "%s\n", body + 4);
    return strncmp(status, " 200 ", 5) == 0 ? 0 : error_set(err, -EAGAIN, "not ready");
}

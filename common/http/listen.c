/* listen.c - the listening socket. Our own, so that "address in use" is a clear error. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/cleanup.h"
#include "common/http/internal.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int socket_of_family(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0;

    if (fd < 0)
        return -errno;
    /* A restart must not wait for the connections of its predecessor to be forgotten. */
    int r = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (r == 0 && family == AF_INET6)
        r = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (r < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

static int listen_on(int family, uint16_t port, int *ret_fd, uint16_t *ret_port)
{
    union address address;
    socklen_t size = family == AF_INET6 ? sizeof(address.v6) : sizeof(address.v4);
    CLEANUP(close_fd) int fd = socket_of_family(family);

    if (fd < 0)
        return fd;
    memset(&address, 0, sizeof(address));
    address.any.sa_family = (sa_family_t)family;
    if (family == AF_INET6)
        address.v6.sin6_port = htons(port);
    else
        address.v4.sin_port = htons(port);
    if (bind(fd, &address.any, size) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, &address.any, &size) < 0)
        return -errno;
    *ret_port = ntohs(family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
    *ret_fd = fd;
    fd = -1;
    return 0;
}

int listen_open(uint16_t port, int *ret_fd, uint16_t *ret_port, struct error *err)
{
    int r = listen_on(AF_INET6, port, ret_fd, ret_port);

    /* Containers often have no IPv6. */
    if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL)
        r = listen_on(AF_INET, port, ret_fd, ret_port);
    if (r == 0)
        return 0;
    error_set(err, r, "cannot listen on port %u: %s", (unsigned)port, strerror(-r));
    return r == -EADDRINUSE || r == -EACCES || r == -ENOMEM ? r : -EIO;
}

/* rate.c - see rate.h. */
#include "common/http/rate.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "common/http/http.h"

#define MILLI 1000
#define NETWORK_BYTES 8
#define MAPPED_BYTES 12

void rate_init(struct rate_limit *limit, unsigned rate, uint64_t seed)
{
    memset(limit, 0, sizeof(*limit));
    limit->rate = rate < HTTP_RATE_MAX ? rate : HTTP_RATE_MAX;
    limit->seed = seed;
}

/* Full again after a second at most. */
static uint32_t filled(const struct rate_limit *limit, uint32_t milli, uint32_t passed_ms)
{
    uint64_t full = (uint64_t)limit->rate * MILLI;
    uint64_t now = milli + (uint64_t)passed_ms * limit->rate;

    return (uint32_t)(now < full ? now : full);
}

bool rate_take(struct rate_limit *limit, uint64_t address, int64_t now_ms)
{
    size_t place = address & (RATE_BUCKETS - 1);
    uint32_t now = (uint32_t)now_ms, milli;

    if (limit->rate == 0)
        return true;
    milli = filled(limit, limit->buckets[place].milli, now - limit->buckets[place].at_ms);
    if (limit->buckets[place].milli == 0 && limit->buckets[place].at_ms == 0)
        milli = limit->rate * MILLI;
    limit->buckets[place].at_ms = now;
    limit->buckets[place].milli = milli >= MILLI ? milli - MILLI : milli;
    return milli >= MILLI;
}

/* FNV-1a from a seed that nobody knows, with a last mixing step. */
static uint64_t hash(uint64_t seed, const unsigned char *bytes, size_t len)
{
    uint64_t ret = seed ^ UINT64_C(14695981039346656037);

    for (size_t i = 0; i < len; i++)
        ret = (ret ^ bytes[i]) * UINT64_C(1099511628211);
    return ret ^ ret >> 29;
}

uint64_t rate_address(const struct rate_limit *limit, const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return hash(limit->seed, (const void *)&((const struct sockaddr_in *)address)->sin_addr, 4);
    if (address->sa_family != AF_INET6)
        return 0;

    const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;

    /* On a socket for both, IPv4 comes in this form, all of it in one network. */
    if (IN6_IS_ADDR_V4MAPPED(six))
        return hash(limit->seed, six->s6_addr + MAPPED_BYTES, 4);
    return hash(limit->seed, six->s6_addr, NETWORK_BYTES);
}

/*
 * rate.h - how many requests an address may make: a bucket per address that a second fills with
 * `rate` of them. Of fixed size: addresses that fall on the same place share a bucket. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A power of two; 32 KiB. */
#define RATE_BUCKETS 4096

struct rate_limit {
    unsigned rate; /* 0: no limit */
    uint64_t seed; /* nobody can choose whose bucket to share */
    struct {
        uint32_t milli; /* thousandths of a request that are left */
        uint32_t at_ms; /* when that was so; both 0: never in use, and full */
    } buckets[RATE_BUCKETS];
};

void rate_init(struct rate_limit *limit, unsigned rate, uint64_t seed);

/* `address` is a hash of it. False: not now; a second later there is at least one again. */
bool rate_take(struct rate_limit *limit, uint64_t address, int64_t now_ms);

/* A hash of the address of a peer: of IPv6 the network of 64 bits, since a host has all of it. */
struct sockaddr;
uint64_t rate_address(const struct rate_limit *limit, const struct sockaddr *address);

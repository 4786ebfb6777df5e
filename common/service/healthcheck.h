/*
 * healthcheck.h - asks a service of this host whether it is ready, for container engines: their
 * images then need no HTTP client. Private to common/service.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "common/base/error.h"

/*
 * GET /readyz on 127.0.0.1:port; what it says goes to `out`. Bounded by time. Returns 0 if it is
 * ready, -EAGAIN if it says that it is not, or another negative errno if it says nothing.
 */
int healthcheck(int64_t port, FILE *out, struct error *err);

/* sendings.h - records under way, in the order in which they were sent: how old is the oldest? */
#pragma once

#include <pthread.h>
#include <stdint.h>

struct sending;

/* Any thread may use it. It is the caller's memory, and empty when it is ended. */
struct sendings {
    pthread_mutex_t lock;
    struct sending *oldest, *youngest;
};

void sendings_init(struct sendings *sendings);
void sendings_done(struct sendings *sendings);

/* Ended with sending_end(). NULL: out of memory. */
struct sending *sending_begin(struct sendings *sendings, uint64_t ticket);

/* Returns its ticket. `sending` is gone afterwards. */
uint64_t sending_end(struct sendings *sendings, struct sending *sending);

/* In milliseconds; 0: there is none. */
int64_t sendings_oldest_ms(struct sendings *sendings);

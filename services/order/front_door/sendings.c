/* sendings.c - see sendings.h. */
#include "services/order/front_door/sendings.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/clock.h"

struct sending {
    uint64_t ticket;
    int64_t since_ms; /* monotonic */
    struct sending *older, *younger;
};

void sendings_init(struct sendings *sendings)
{
    *sendings = (struct sendings){.oldest = NULL};
    pthread_mutex_init(&sendings->lock, NULL);
}

void sendings_done(struct sendings *sendings)
{
    assert(sendings->oldest == NULL);
    pthread_mutex_destroy(&sendings->lock);
}

struct sending *sending_begin(struct sendings *sendings, uint64_t ticket)
{
    struct sending *sending = calloc(1, sizeof(*sending));

    if (sending == NULL)
        return NULL;
    sending->ticket = ticket;
    pthread_mutex_lock(&sendings->lock);
    sending->since_ms = clock_monotonic_ms(); /* in the lock: the list is in the order of time */
    sending->older = sendings->youngest;
    *(sending->older != NULL ? &sending->older->younger : &sendings->oldest) = sending;
    sendings->youngest = sending;
    pthread_mutex_unlock(&sendings->lock);
    return sending;
}

uint64_t sending_end(struct sendings *sendings, struct sending *sending)
{
    uint64_t ticket = sending->ticket;

    pthread_mutex_lock(&sendings->lock);
    *(sending->older != NULL ? &sending->older->younger : &sendings->oldest) = sending->younger;
    *(sending->younger != NULL ? &sending->younger->older : &sendings->youngest) = sending->older;
    pthread_mutex_unlock(&sendings->lock);
    free(sending);
    return ticket;
}

int64_t sendings_oldest_ms(struct sendings *sendings)
{
    int64_t ms = 0;

    pthread_mutex_lock(&sendings->lock);
    if (sendings->oldest != NULL)
        ms = clock_monotonic_ms() - sendings->oldest->since_ms;
    pthread_mutex_unlock(&sendings->lock);
    return ms;
}

/*
 * resolutions.h - which dead letters of a service are done with: a replays topic, read to its end.
 * A letter that nothing there names is open.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "tools/sagactl/cluster.h"
#include "tools/sagactl/letter.h"

/* Of one service; about 50 bytes each, held while a command runs. */
#define RESOLUTIONS_MAX 1000000
/* Bytes of the operator's reason. */
#define RESOLUTION_REASON_MAX 200

/* Header of a mark: why the operator discarded the letter. */
#define RESOLUTION_REASON "dead_letter_reason"

struct resolution {
    struct letter_id id; /* first: sorted and found by it */
    enum letter_state state;
    int64_t time_ms;
    char *reason; /* NULL: none was given */
};

struct resolutions {
    size_t count, capacity;
    struct resolution *list; /* sorted */
};

/*
 * `cluster` is one for consuming, open. `ret` comes empty and is ended with resolutions_done() in
 * any case. Returns 0, -E2BIG (RESOLUTIONS_MAX), -ENOMEM, or as log_read().
 */
int resolutions_read(struct cluster *cluster, const struct letter_service *service,
                     struct resolutions *ret, struct error *err);
void resolutions_done(struct resolutions *resolutions);

/* NULL: the letter is open. Borrowed. */
const struct resolution *resolutions_find(const struct resolutions *resolutions,
                                          const struct letter_id *id);

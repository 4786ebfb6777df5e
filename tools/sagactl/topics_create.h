/* topics_create.h - creates the topics that a survey found missing. Changes none that exists. */
#pragma once

#include <stdbool.h>

#include "common/base/error.h"
#include "tools/sagactl/cluster.h"
#include "tools/sagactl/survey.h"

enum creation {
    CREATION_NONE = 0, /* it was there */
    CREATION_DONE,
    CREATION_OVERTAKEN, /* somebody else was faster: as good as done */
    CREATION_REFUSED,
};

struct creations {
    enum creation results[TOPIC_COUNT];         /* by enum topic */
    char reasons[TOPIC_COUNT][ERROR_TEXT_SIZE]; /* for CREATION_REFUSED */
};

/*
 * One request for all. `ret` is the caller's memory and comes empty. A topic that is refused is no
 * error of the call. Returns 0, -ETIMEDOUT (nobody answers), -EIO.
 */
int topics_create(const struct survey *survey, struct cluster *cluster, struct creations *ret,
                  struct error *err);

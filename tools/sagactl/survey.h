/*
 * survey.h - the topics of topics.json beside what the cluster has: missing, as wanted, different.
 * Only looks; topics_apply.c acts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/event/event.h"
#include "common/kafka/topics.h"
#include "tools/sagactl/cluster.h"

/* cleanup.policy, retention.ms and what topics.json lists under "config". */
#define SURVEY_SETTINGS_MAX 8
#define SURVEY_VALUE_SIZE 128

struct survey_setting {
    const char *name; /* static */
    char wanted[SURVEY_VALUE_SIZE];
    char actual[SURVEY_VALUE_SIZE]; /* when settings_known */
};

struct survey_topic {
    char name[TOPIC_NAME_SIZE]; /* with the prefix */
    int32_t partitions_wanted;
    bool exists;
    bool settings_known;
    int32_t partition_count; /* when it exists, like leader_count */
    int32_t leader_count;    /* partitions that have a leader, which answers */
    size_t setting_count;
    struct survey_setting settings[SURVEY_SETTINGS_MAX];
};

struct survey {
    struct survey_topic topics[TOPIC_COUNT]; /* by enum topic; that of TOPIC_NONE is not used */
};

/* What is wanted; nothing is known of the cluster yet. */
void survey_init(struct survey *survey, const char *prefix);

/*
 * Asks the cluster, once. A topic so new that only a part of the cluster knows it comes back
 * without its leaders or its settings. Returns 0, -ETIMEDOUT (nobody answers), -EIO.
 */
int survey_take(struct survey *survey, struct cluster *cluster, struct error *err);

/* It exists, and all that there is to know about it is known. */
bool survey_is_complete(const struct survey_topic *topic);

/* Settings that differ, the number of partitions included. */
size_t survey_difference_count(const struct survey_topic *topic);

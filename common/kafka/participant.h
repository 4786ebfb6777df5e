/*
 * participant.h - a service as the saga sees it: its rules and the topics they concern. Data only;
 * runtime.h runs it.
 */
#pragma once

#include <stddef.h>

#include "common/event/decision.h"

/* Topics that one service may write its own events to. */
#define LEDGERS_MAX 2

/* "Upon events of this type decide; the own last event of the same key stands in that ledger." */
struct subscription {
    enum event_type type;
    enum topic ledger;
};

struct participant {
    const char *name;  /* "payment" */
    enum topic shards; /* the election topic */
    enum topic dead_letters;
    enum topic replays;              /* dead letters that the operator gives back */
    enum topic ledgers[LEDGERS_MAX]; /* own topics; nobody else writes them */
    size_t ledger_count;
    const struct subscription *subscriptions;
    size_t subscription_count;
    relate_function *relate;   /* NULL: decides on its own last event alone */
    enum topic related_ledger; /* where related keys are looked up */
    decide_function *decide;
};

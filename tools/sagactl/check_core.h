/*
 * check_core.h - the invariants of ARCHITECTURE.md, judged from records alone: 1 to 6 and 8, and 0,
 * the form of a record. Knows nothing of how the services decide, and no broker: records are handed
 * in, findings come out at the end.
 *
 * All is kept in memory until then, about 2 KB for an order; bounded by the numbers below.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/base/error.h"
#include "common/event/event.h"

#define CHECK_ORDERS_MAX 1000000
#define CHECK_FACTS_MAX (12 * CHECK_ORDERS_MAX)  /* events of orders */
#define CHECK_LEVELS_MAX (4 * CHECK_ORDERS_MAX)  /* of the stock */
#define CHECK_CHANGES_MAX (4 * CHECK_ORDERS_MAX) /* that move a level */
#define CHECK_PRODUCTS_MAX 100000
#define CHECK_LETTERS_MAX 100000 /* dead letters; replays; records that are refused */
#define CHECK_PARTITIONS_MAX 256 /* of a topic */

struct check;

struct check_finding {
    int invariant;       /* its number; 0: the form of a record */
    const char *subject; /* an order, a product, or "topic[partition]@offset"; borrowed, as text */
    const char *text;
};

/* Returns 0, or a negative errno, which ends the check. */
typedef int check_finding_function(void *context, const struct check_finding *finding,
                                   struct error *err);

struct check_config {
    const char *topic_prefix; /* borrowed */
    /* Nothing is under way: what is missing is missing. Otherwise only what may never be. */
    bool final;
    check_finding_function *on_finding;
    void *context;
};

/* Everything is borrowed for the call. */
struct check_record {
    enum topic topic;
    int32_t partition, partition_count;
    int64_t offset;
    int64_t timestamp_ms; /* as the broker has it */
    bool young;           /* it came after the reading began: what belongs to it may be missing */
    const void *key;      /* NULL: none, as value and headers */
    size_t key_len;
    const void *value;
    size_t value_len;
    rd_kafka_headers_t *headers;
};

struct check_counts {
    size_t orders, final, open; /* that were judged */
    size_t left_out;            /* orders of which something has expired */
    size_t refused;             /* records that are no events, and are dead letters as they must */
    size_t unknown;             /* records of types that this program does not know */
    size_t findings;
};

/* `ret` is owned by the caller. Returns 0 or -ENOMEM. */
int check_new(const struct check_config *config, struct check **ret, struct error *err);
void check_free(struct check *check); /* NULL is harmless */

DEFINE_CLEANUP(check_cleanup, struct check, check_free)

/* Where a partition begins; more than 0: records before it have expired. Before its records. */
void check_begins(struct check *check, enum topic topic, int32_t partition, int64_t low);

/* A transaction was left open there. */
void check_is_open(struct check *check, enum topic topic, int32_t partition);

/* Dead letters, or replays. */
bool check_topic_is_of_letters(enum topic topic);

/*
 * Takes a record. Those of a partition come in order; all dead letters and replays come before all
 * others (asserted). Returns 0, -E2BIG (one of the bounds above), or -ENOMEM.
 */
int check_add(struct check *check, const struct check_record *record, struct error *err);

/* Judges, once. Returns 0, -ENOMEM, or what on_finding() returned. */
int check_finish(struct check *check, struct check_counts *ret, struct error *err);

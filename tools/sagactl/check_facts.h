/*
 * check_facts.h - what the parts of the check have in common: the facts that were read. Private to
 * check_*.c. Texts that are only ever compared are kept as 64-bit digests.
 */
#pragma once

#include "common/base/uuid.h"
#include "common/event/codec.h"
#include "tools/sagactl/check_core.h"

#define CHECK_TEXT_SIZE 400
#define CHECK_SUBJECT_SIZE 300
#define CHECK_CAUSE_SIZE 160
#define UUID_BYTES 16
/* Between two clocks, and between an event and its record. */
#define HORIZON_SLACK_MS 60000

/* An array that grows, up to a bound. */
struct list {
    void *items;
    size_t count, capacity;
};

enum fact_flag {
    FACT_YOUNG = 1,
    FACT_CAUSED = 2,    /* names a cause */
    FACT_DERIVED = 4,   /* its id follows from something: version 5 */
    FACT_STRAYS = 8,    /* correlates with something else than its order */
    FACT_REPEATS = 16,  /* a product stands in its lines twice */
    FACT_WRONG_SUM = 32 /* its total is not the sum of its lines */
};

/* An event of an order. */
struct fact {
    uint8_t id[UUID_BYTES], cause[UUID_BYTES];
    int64_t offset, timestamp_ms;
    uint64_t money, customer, lines, reason; /* digests; lines: by product, in no order */
    uint64_t asked;                          /* of all that a customer asks for */
    uint32_t next;                           /* 1 + index of the order's next one; 0: none */
    uint32_t wanted, wanted_count;           /* PaymentProcessed: its lines, in check->wanted */
    uint8_t type, flags;
};

struct order_facts {
    uint8_t id[UUID_BYTES];
    uint32_t first, last; /* 1 + index of a fact; 0: this slot is free */
    int32_t partition;
};

struct wanted {
    uint32_t product;
    int64_t quantity;
};

struct amounts {
    int64_t on_hand, reserved, available;
};

struct product {
    char id[PRODUCT_ID_SIZE];
    struct amounts level;  /* the last one */
    int64_t last_receipt;  /* of the last level; -1 */
    int64_t first_ms;      /* of its first level; valid with level_count */
    int64_t available_min; /* of all levels */
    size_t level_count;
    /* Its history begins after 0: what lies before, and the changes that are in no level. */
    bool gap, unknown;
    struct amounts before, missing;
};

/* A level of a product, and how it differs from the one before. */
struct level {
    uint8_t id[UUID_BYTES], cause[UUID_BYTES], correlation[UUID_BYTES];
    struct amounts by;
    int64_t receipt, receipt_before; /* last_receipt_offset */
    int64_t offset, timestamp_ms;
    uint32_t product;
    int32_t partition;
    bool young, first, derived;
};

/* What must move the level of one product, once. */
struct change {
    uint8_t cause[UUID_BYTES], correlation[UUID_BYTES];
    int64_t quantity, offset, timestamp_ms;
    uint32_t product;
    int32_t partition;
    uint8_t type;
    bool young;
};

struct range {
    int64_t low, first_ms;
    bool begun; /* first_ms is known */
};

/* One order while it is judged. */
struct trail {
    struct check *check;
    const struct order_facts *order;
    const struct fact *of[EVENT_TYPE_COUNT]; /* the first of each type */
    size_t count[EVENT_TYPE_COUNT];
    char id[UUID_SIZE];
};

struct letters;

struct check {
    struct check_config config;
    struct check_counts counts;
    struct error failed; /* of on_finding() */
    int failure;
    struct codec *codec;
    struct event event; /* the one being looked at */
    struct list facts, wanted, levels, changes;
    struct order_facts *orders; /* a hash table */
    size_t order_count, order_capacity;
    struct list products;
    uint32_t *product_slots; /* a hash table: 1 + index in products */
    size_t product_capacity;
    int64_t clean_end[CHECK_PARTITIONS_MAX]; /* of `stock`: before it, each product stands once */
    struct range ranges[TOPIC_COUNT][CHECK_PARTITIONS_MAX];
    /* When the last record that has expired was written, at the latest: INT64_MIN when none has. Of
       the order topics in a partition, and of any of them and the receipts. */
    int64_t horizon_ms[CHECK_PARTITIONS_MAX], horizon_all_ms;
    struct letters *letters; /* see check_letters.h */
};

/* --- check_core.c */

/* A zeroed item at the end; NULL: err says why (-E2BIG, -ENOMEM in *ret_code). */
void *list_add(struct list *list, size_t item_size, size_t max, const char *what, int *ret_code,
               struct error *err);

/* Reports one finding. */
void check_report(struct check *check, int invariant, const char *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Reports unless `holds`. */
#define CHECK_THAT(check, holds, ...)                                                              \
    do {                                                                                           \
        if (!(holds))                                                                              \
            check_report(check, __VA_ARGS__);                                                      \
    } while (0)

const char *place_text(enum topic topic, int32_t partition, int64_t offset,
                       char out[CHECK_SUBJECT_SIZE]);
uint64_t digest(uint64_t seed, const void *bytes, size_t len);
uint64_t digest_text(uint64_t seed, const char *text);
/* Of the last header of that name; false: there is none, or it is null. */
bool header_find(rd_kafka_headers_t *headers, const char *name, const char **value, size_t *len);

const struct fact *fact_first(const struct check *check, const struct order_facts *order);
const struct fact *fact_next(const struct check *check, const struct fact *fact);

/* A version 5 UUID: it follows from something. */
bool is_derived_id(const char *id);

/* --- check_record.c: 0, or -E2BIG, -ENOMEM */
int check_add_event(struct check *check, const struct check_record *record, struct error *err);

/* --- check_trails.c: the event in check->event */
int check_add_fact(struct check *check, const struct check_record *record, struct error *err);

/* The lines of the types whose lines are merged; NULL: it is none. */
const struct item_line *event_lines(const struct event *event, size_t *count);

/* --- check_causes.c */

/* NULL: none is named, or it is not among the order's events. */
const struct fact *trail_cause_of(const struct trail *trail, const struct fact *fact);
void judge_causes(const struct trail *trail);

/* --- check_orders.c */
void check_orders(struct check *check);

/* --- check_stock_read.c: the event in check->event */
int product_index(struct check *check, const char *product_id, uint32_t *ret, struct error *err);
int check_add_level(struct check *check, const struct check_record *record, struct error *err);
int check_add_change(struct check *check, const struct check_record *record, struct error *err);

/* --- check_stock.c */

bool moves_stock(enum event_type type);
void check_stock(struct check *check);
/* Why an InventoryReservationFailed is not as it may be; NULL: it is. */
const char *stock_refusal_fault(const struct check *check, const struct fact *paid,
                                const struct fact *failed);

/* --- check_letters.c */
int letters_new(struct letters **ret, struct error *err);
void letters_free(struct letters *letters);
int letters_add(struct check *check, const struct check_record *record, struct error *err);
int letters_add_replay(struct check *check, const struct check_record *record, struct error *err);
/* A record that is an event, or is refused: it may be the origin of dead letters. */
void letters_note_source(struct check *check, const struct check_record *record, bool is_event);
/* True if it is in somebody's dead letters. */
bool letters_refuse(struct check *check, const struct check_record *record);
/* A record that the readers of this type must refuse; EVENT_NONE: all readers of its topic. */
int letters_expect(struct check *check, const struct check_record *record, enum event_type type,
                   const char *why, struct error *err);
void check_letters(struct check *check);

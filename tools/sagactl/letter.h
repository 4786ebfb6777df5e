/*
 * letter.h - a dead letter as the operator sees it: what was refused, by whom, from where and why.
 * Knows no broker. All that a letter holds may come from a stranger: see bytes_text().
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/event/codec.h"
#include "common/event/event.h"

/* "inventory/0/9223372036854775807" and NUL. */
#define LETTER_ID_SIZE 64

/* Borrowed bytes, without a NUL; data NULL: there are none. */
struct bytes {
    const char *data;
    size_t len;
};

/* A service that refuses records. */
struct letter_service {
    const char *name;
    enum topic letters, replays;
};

struct letter_id {
    const struct letter_service *service;
    int32_t partition;
    int64_t offset;
};

/* Everything is borrowed from the record. */
struct letter {
    struct letter_id id;
    int64_t time_ms; /* when it was refused */
    struct bytes key, value;
    struct bytes type; /* the event's, by its header or else by its JSON */
    struct bytes cause;
    struct bytes topic, partition, offset; /* where it came from, as the service has written it */
    struct bytes ancestor;                 /* id of the letter whose replay was refused */
    const rd_kafka_message_t *record;
};

enum letter_state { LETTER_OPEN = 0, LETTER_REPLAYED, LETTER_DISCARDED };

/* "open", "replayed", "discarded". Static. */
const char *letter_state_name(enum letter_state state);

/* All of them; static. */
const struct letter_service *letter_services(size_t *count);

/* NULL: there is no such service. */
const struct letter_service *letter_service_find(const char *name, size_t len);

/* "payment/0/12". Returns 0 or -EINVAL; `ret` is written on success only. */
int letter_id_parse(struct bytes text, struct letter_id *ret);
void letter_id_format(const struct letter_id *id, char out[LETTER_ID_SIZE]);

/* For qsort() and bsearch(). */
int letter_id_compare(const void *a, const void *b);

/* `record` is one of service->letters. `codec` is used for the call. */
void letter_read(const struct letter_service *service, const rd_kafka_message_t *record,
                 struct codec *codec, struct letter *ret);

/*
 * Why a letter cannot be replayed, or NULL. Static. `prefix` is that of the topics; `target` is
 * where it is replayed to, written if there is no obstacle.
 */
const char *letter_obstacle(const struct letter *letter, struct codec *codec, const char *prefix,
                            int64_t now_ms, enum topic *target);

/* Decimal digits only. Returns 0 or -EINVAL. */
int bytes_number(struct bytes bytes, int64_t *ret);

/*
 * The bytes as text that a terminal does not obey: printable ASCII as it is, all else as \xNN, a
 * backslash twice; "-" for none. What does not fit is cut, and "..." says so. Returns `out`.
 */
const char *bytes_text(struct bytes bytes, char *out, size_t size);

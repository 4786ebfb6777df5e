/*
 * event.h - an event in memory, and what the schemas know about its type and its topic.
 *
 * The structs in `data`, the enums and the bounds are generated from schemas/: see generated.h in
 * the build directory. JSON is codec.h. Everything here is pure and may be called by any thread.
 *
 * An event is about 10 KB, because its list has room for ITEMS_MAX entries; only event_size() bytes
 * of it are in use. Keep many of them with event_copy(), never by plain assignment.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/base/uuid.h"
#include "schemas/generated.h"

struct event {
    char event_id[UUID_SIZE];
    enum event_type type; /* names the member of `data` that is in use */
    int64_t timestamp_ms; /* UTC */
    char correlation_id[UUID_SIZE];
    char causation_id[UUID_SIZE]; /* "": it starts a chain */
    int64_t schema_version;       /* EVENT_SCHEMA_VERSION, in what we write */
    union event_data data;
};

/* A setting of a topic beside those that struct topic_info names, as the broker spells it. */
struct topic_config {
    const char *name;
    const char *value;
};

/* A service that decides upon a type of the topic's events. */
struct topic_reader {
    const char *service;
    enum event_type type;
};

struct topic_info {
    const char *name;   /* without TOPIC_PREFIX */
    const char *writer; /* the service that alone writes it; "operator"; NULL: nobody */
    int32_t partitions;
    int64_t retention_ms; /* -1: for ever */
    bool compacted;
    bool keyed_by_order; /* the key is an order id: all such topics have the same partitions */
    const struct topic_config *config;
    size_t config_count;
    const struct topic_reader *readers;
    size_t reader_count;
    /* Who may: services and "operator"; NULL ends a list. */
    const char *const *may_read;
    const char *const *may_write;
};

struct service_info {
    const char *name;   /* also of its group, and in front of its transactional ids */
    int32_t shards_max; /* its shards topic may grow to so many partitions */
};

/* Static; TOPIC_NONE and numbers out of range are asserted against. */
const struct topic_info *topic_info(enum topic topic);

/* In the order of topics.json; `index` below SERVICE_INFO_COUNT is asserted. Static. */
const struct service_info *service_info(size_t index);

/* "OrderPlaced"; "" for EVENT_NONE. Static. */
const char *event_type_name(enum event_type type);

/* EVENT_NONE: no such type. `name` is borrowed and needs no NUL. */
enum event_type event_type_from_name(const char *name, size_t len);

/* The one topic that events of this type are written to; TOPIC_NONE for EVENT_NONE. */
enum topic event_topic(enum event_type type);

/* The record key, a member of `data`: an order id or a product id. Borrowed from the event. */
const char *event_key(const struct event *event);

/* A text member of `data` by its name in the schema, as "reason"; NULL: this type has none. */
const char *event_text(const struct event *event, const char *member);

/*
 * May `text` be that member of an event of this type? Asserts that the type has such a text.
 * Returns 0, or -EINVAL and "must be ...".
 */
int event_text_check(enum event_type type, const char *member, const char *text, struct error *err);

/*
 * Bytes in use, counted from the start of the struct; the rest is never read. An event of type
 * EVENT_NONE has no data, may be copied, and equals any other such.
 */
size_t event_size(const struct event *event);

/*
 * True if `size` bytes that came from a file are an event as event_size() counts it: a known type,
 * a list within its bound. The first `size` bytes are looked at, the values of members are not.
 */
bool event_has_size(const struct event *event, size_t size);

/* Copies the bytes in use. `to` needs room for event_size(from) bytes only. */
void event_copy(struct event *to, const struct event *from);

/* Empties its list, if it has one: for those who keep many events and need no list. */
void event_clear_list(struct event *event);

/* Same type and same values; what the struct holds beside them does not count. */
bool event_equal(const struct event *a, const struct event *b);

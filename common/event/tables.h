/*
 * tables.h - the schemas as tables: one row per member, one table per kind of object. Written by
 * schemas/generate.py, walked by the codec. Private to common/event.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event/event.h"

enum field_kind {
    FIELD_NONE = 0,
    FIELD_UUID,       /* char[UUID_SIZE] */
    FIELD_TEXT,       /* char[size], min..max code points, no forbidden byte */
    FIELD_CHOICE,     /* char[size], one of `choices` */
    FIELD_TIMESTAMP,  /* int64_t, UTC ms */
    FIELD_INTEGER,    /* int64_t, min..max */
    FIELD_MONEY,      /* int64_t minor units, min..max */
    FIELD_LIST,       /* array of `item`, its count at count_offset, min..max entries */
    FIELD_EVENT_TYPE, /* enum event_type; of the envelope */
    FIELD_DATA,       /* union event_data, by the event's type; of the envelope */
};

struct record;

struct field {
    const char *name;
    const char *rule; /* completes "must be ...": the bounds in words */
    const char *default_text;
    const char *const *choices; /* ends with NULL */
    const uint64_t *forbidden;  /* 256 bits, one per byte value */
    const struct record *item;
    int64_t min, max;
    int64_t default_value;
    size_t offset; /* in the C struct of the record */
    size_t size;   /* of a text member: bytes with NUL */
    size_t count_offset;
    size_t name_len;
    enum field_kind kind;
    bool required; /* otherwise its default, or "", stands for it */
};

struct record {
    const struct field *fields; /* in the order in which they are written */
    size_t field_count;
    size_t members_max;       /* of the JSON object, unknown ones included */
    size_t size;              /* of the C struct */
    const struct field *list; /* the one that is an array, or NULL; last in the C struct */
};

struct event_info {
    const char *name;
    enum topic topic;
    const struct record *data;
    size_t key_offset; /* in the data */
};

extern const struct record envelope_record;
extern const struct event_info event_infos[EVENT_TYPE_COUNT];
extern const struct topic_info topic_infos[TOPIC_COUNT];
extern const struct service_info service_infos[SERVICE_INFO_COUNT];

/* The text of that name in an event's data; NULL: the type has none. */
const struct field *event_text_field(enum event_type type, const char *member);

/* Where a member lies in the C struct that `base` points to. */
static inline const void *field_at(const struct field *field, const void *base)
{
    return (const char *)base + field->offset;
}

static inline void *field_of(const struct field *field, void *base)
{
    return (char *)base + field->offset;
}

static inline size_t *field_count_of(const struct field *field, void *base)
{
    return (size_t *)((char *)base + field->count_offset);
}

static inline size_t field_count_at(const struct field *field, const void *base)
{
    return *(const size_t *)((const char *)base + field->count_offset);
}

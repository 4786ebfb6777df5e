/* check_record.c - a record as an event: its form (invariant "0"), and where it goes from here. */
#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/kafka/record.h"
#include "tools/sagactl/check_facts.h"

#define SOURCE_SIZE 64

enum form {
    FORM_EVENT,
    FORM_REFUSED, /* by whoever wants its type */
    FORM_UNKNOWN, /* of a type that this program does not know: nobody looks at it */
};

/* What readers take the record for, before they read it; EVENT_NONE: they cannot tell. */
static bool find_type(struct check *check, const struct check_record *record, enum event_type *ret)
{
    const char *name;
    size_t len;

    *ret = EVENT_NONE;
    if (header_find(record->headers, "ce_type", &name, &len)) {
        *ret = event_type_from_name(name, len);
        return *ret != EVENT_NONE;
    }
    return record->value == NULL ||
           event_peek_type(check->codec, record->value, record->value_len, ret, NULL) != -ENOTSUP;
}

static enum form read_value(struct check *check, const struct check_record *record,
                            enum event_type type, struct error *why)
{
    struct event *event = &check->event;
    const char *key;

    if (record->value == NULL)
        return error_set(why, FORM_REFUSED, "the value is null");
    if (event_decode(check->codec, record->value, record->value_len, event, why) < 0)
        return FORM_REFUSED;
    if (event->type != type)
        return error_set(why, FORM_REFUSED, "the header says %s, the value %s",
                         event_type_name(type), event_type_name(event->type));
    if (event_topic(event->type) != record->topic)
        return error_set(why, FORM_REFUSED, "%s does not belong to this topic",
                         event_type_name(event->type));
    key = event_key(event);
    if (record->key == NULL || record->key_len != strlen(key) ||
        memcmp(record->key, key, record->key_len) != 0)
        return error_set(why, FORM_REFUSED, "its key is not %s", key);
    if (record->partition != rd_kafka_msg_partitioner_murmur2(NULL, key, strlen(key),
                                                              record->partition_count, NULL, NULL))
        return error_set(why, FORM_REFUSED, "its key belongs to another partition");
    return FORM_EVENT;
}

static void check_header(struct check *check, const struct check_record *record, const char *name,
                         const char *wanted)
{
    char place[CHECK_SUBJECT_SIZE];
    const char *value;
    size_t len;

    if (header_find(record->headers, name, &value, &len) && len == strlen(wanted) &&
        memcmp(value, wanted, len) == 0)
        return;
    check_report(check, 0, place_text(record->topic, record->partition, record->offset, place),
                 "%s: header %s is not %s", event_type_name(check->event.type), name, wanted);
}

static bool is_traceparent(const char *text, size_t len)
{
    static const char pattern[] = "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
    bool fits = len == sizeof(pattern) - 1;

    for (size_t i = 0; fits && i < len; i++)
        fits = pattern[i] == 'x' ? strchr("0123456789abcdef", text[i]) != NULL && text[i] != '\0'
                                 : text[i] == pattern[i];
    return fits;
}

static void check_headers(struct check *check, const struct check_record *record)
{
    const struct event *event = &check->event;
    char source[SOURCE_SIZE], time[TIMESTAMP_SIZE], place[CHECK_SUBJECT_SIZE];
    const char *trace;
    size_t len;

    snprintf(source, sizeof(source), "order-saga/%s", topic_info(record->topic)->writer);
    timestamp_format(event->timestamp_ms, time);
    check_header(check, record, "ce_specversion", "1.0");
    check_header(check, record, "ce_id", event->event_id);
    check_header(check, record, "ce_type", event_type_name(event->type));
    check_header(check, record, "ce_source", source);
    check_header(check, record, "ce_time", time);
    check_header(check, record, "content-type", "application/json");
    if (header_find(record->headers, "traceparent", &trace, &len) && !is_traceparent(trace, len))
        check_report(check, 0, place_text(record->topic, record->partition, record->offset, place),
                     "its traceparent is none");
}

static int take_event(struct check *check, const struct check_record *record, struct error *err)
{
    check_headers(check, record);
    if (check->event.type == EVENT_STOCK_LEVEL_CHANGED)
        return check_add_level(check, record, err);
    /* A receipt that was refused counts for nothing: replayed, it stands in its topic once more. */
    if (check->event.type == EVENT_STOCK_RECEIVED)
        return letters_refuse(check, record) ? 0 : check_add_change(check, record, err);
    return check_add_fact(check, record, err);
}

int check_add_event(struct check *check, const struct check_record *record, struct error *err)
{
    struct error why = {""};
    enum event_type type;
    enum form form = FORM_UNKNOWN;

    if (find_type(check, record, &type))
        form = read_value(check, record, type, &why);
    letters_note_source(check, record, form == FORM_EVENT);
    switch (form) {
    case FORM_EVENT:
        return take_event(check, record, err);
    case FORM_REFUSED:
        return letters_expect(check, record, type, why.text, err);
    case FORM_UNKNOWN:
        check->counts.unknown++;
    }
    return 0;
}

/* event.c - see event.h. Everything that depends on a type is looked up in the generated tables. */
#include "common/event/event.h"

#include <assert.h>
#include <string.h>

#include "common/base/util.h"
#include "common/event/tables.h"

static const struct event_info *event_info(enum event_type type)
{
    assert(type > EVENT_NONE && type < EVENT_TYPE_COUNT);
    return &event_infos[type];
}

const struct topic_info *topic_info(enum topic topic)
{
    assert(topic > TOPIC_NONE && topic < TOPIC_COUNT);
    return &topic_infos[topic];
}

const struct service_info *service_info(size_t index)
{
    assert(index < SERVICE_INFO_COUNT);
    return &service_infos[index];
}

const char *event_type_name(enum event_type type)
{
    return type == EVENT_NONE ? "" : event_info(type)->name;
}

enum topic event_topic(enum event_type type)
{
    return type == EVENT_NONE ? TOPIC_NONE : event_info(type)->topic;
}

const char *event_key(const struct event *event)
{
    return (const char *)&event->data + event_info(event->type)->key_offset;
}

const struct field *event_text_field(enum event_type type, const char *member)
{
    const struct record *record = event_info(type)->data;

    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];
        bool is_text =
            field->kind == FIELD_TEXT || field->kind == FIELD_UUID || field->kind == FIELD_CHOICE;

        if (is_text && str_equal(field->name, member))
            return field;
    }
    return NULL;
}

const char *event_text(const struct event *event, const char *member)
{
    const struct field *field = event_text_field(event->type, member);

    return field != NULL ? field_at(field, &event->data) : NULL;
}

size_t event_size(const struct event *event)
{
    if (event->type == EVENT_NONE)
        return offsetof(struct event, data);

    const struct record *record = event_info(event->type)->data;
    const struct field *list = record->list;
    size_t size = record->size;

    if (list != NULL) {
        size_t count = field_count_at(list, &event->data);

        assert(count <= (size_t)list->max);
        size = list->offset + count * list->item->size;
    }
    return offsetof(struct event, data) + size;
}

bool event_has_size(const struct event *event, size_t size)
{
    const struct record *record;

    if (size < offsetof(struct event, data) || event->type <= EVENT_NONE ||
        event->type >= EVENT_TYPE_COUNT)
        return false;
    record = event_info(event->type)->data;
    if (record->list != NULL) {
        if (size < offsetof(struct event, data) + record->list->offset)
            return false;
        if (field_count_at(record->list, &event->data) > (size_t)record->list->max)
            return false;
    }
    return event_size(event) == size;
}

void event_copy(struct event *to, const struct event *from)
{
    memcpy(to, from, event_size(from));
}

void event_clear_list(struct event *event)
{
    const struct field *list = event_info(event->type)->data->list;

    if (list != NULL)
        *field_count_of(list, &event->data) = 0;
}

static bool record_equal(const struct record *record, const void *a, const void *b);

static bool list_equal(const struct field *field, const void *a, const void *b)
{
    size_t count = field_count_at(field, a), size = field->item->size;
    const char *in_a = field_at(field, a), *in_b = field_at(field, b);

    if (count != field_count_at(field, b))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!record_equal(field->item, in_a + i * size, in_b + i * size))
            return false;
    return true;
}

static bool field_equal(const struct field *field, const void *a, const void *b)
{
    switch (field->kind) {
    case FIELD_UUID:
    case FIELD_TEXT:
    case FIELD_CHOICE:
        return str_equal(field_at(field, a), field_at(field, b));
    case FIELD_TIMESTAMP:
    case FIELD_INTEGER:
    case FIELD_MONEY:
        return *(const int64_t *)field_at(field, a) == *(const int64_t *)field_at(field, b);
    case FIELD_LIST:
        return list_equal(field, a, b);
    case FIELD_NONE:
    case FIELD_EVENT_TYPE: /* event_equal() sees to these two */
    case FIELD_DATA:
        break;
    }
    return true;
}

static bool record_equal(const struct record *record, const void *a, const void *b)
{
    for (size_t i = 0; i < record->field_count; i++)
        if (!field_equal(&record->fields[i], a, b))
            return false;
    return true;
}

bool event_equal(const struct event *a, const struct event *b)
{
    if (a->type != b->type || a->type == EVENT_NONE)
        return a->type == b->type;
    return record_equal(&envelope_record, a, b) &&
           record_equal(event_info(a->type)->data, &a->data, &b->data);
}

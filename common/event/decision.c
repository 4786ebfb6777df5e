/* decision.c - see decision.h. */
#include "common/event/decision.h"

#include <string.h>

#include "common/event/tables.h"

/* Defaults where there are any, else 0, "" and no entries. */
static void clear_data(const struct record *record, union event_data *data)
{
    memset(data, 0, record->list != NULL ? record->list->offset : record->size);
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];

        if (field->kind == FIELD_INTEGER)
            *(int64_t *)field_of(field, data) = field->default_value;
        else if (field->default_text != NULL)
            strcpy(field_of(field, data), field->default_text);
    }
}

union event_data *decision_emit(struct decision *out, enum event_type type)
{
    struct event *event = &out->events[out->event_count];

    assert(out->event_count < DECISION_EVENTS_MAX);
    assert(type > EVENT_NONE && type < EVENT_TYPE_COUNT);
    out->event_count++;
    event->type = type;
    clear_data(event_infos[type].data, &event->data);
    return &event->data;
}

/*
 * decode.c - see decode.h. Walks the tables, not the document: a member is looked for where the
 * last one was found, so events in our own order cost one comparison per member.
 */
#include "common/event/decode.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/event/decimal.h"
#include "common/event/money.h"
#include "common/event/rules.h"

/* The quote that ends the string whose text starts at `p`, or `end`. */
static const char *string_end(const char *p, const char *end)
{
    for (const char *quote, *escape; p < end; p = quote + 1) {
        quote = escape = memchr(p, '"', (size_t)(end - p));
        if (quote == NULL)
            return end;
        while (escape > p && escape[-1] == '\\')
            escape--;
        if ((quote - escape) % 2 == 0)
            return quote;
    }
    return end;
}

bool json_depth_is_bounded(const char *json, size_t len)
{
    const char *end = json + len;
    size_t depth = 0;

    for (const char *p = json; p < end; p++) {
        switch (*p) {
        case '"':
            p = string_end(p + 1, end);
            break;
        case '{':
        case '[':
            if (++depth > EVENT_DEPTH_MAX)
                return false;
            break;
        case '}':
        case ']':
            depth -= depth > 0;
            break;
        default:
            break;
        }
    }
    return true;
}

/* Few members, so comparing all pairs is cheap; `members_max` keeps it so for hostile input. */
static yyjson_val *find_duplicate(yyjson_val *object)
{
    yyjson_obj_iter outer = yyjson_obj_iter_with(object), inner;
    yyjson_val *name, *other;

    while ((name = yyjson_obj_iter_next(&outer)) != NULL)
        for (inner = outer; (other = yyjson_obj_iter_next(&inner)) != NULL;)
            if (yyjson_equals_strn(other, yyjson_get_str(name), yyjson_get_len(name)))
                return other;
    return NULL;
}

static int check_object(const struct record *record, yyjson_val *object, const struct path *path,
                        struct error *err)
{
    yyjson_val *duplicate;

    if (!yyjson_is_obj(object))
        return path_error(path, err, -EBADMSG, "must be an object");
    if (yyjson_obj_size(object) > record->members_max)
        return path_error(path, err, -EBADMSG, "must have at most %zu members",
                          record->members_max);
    duplicate = find_duplicate(object);
    if (duplicate != NULL) {
        struct path member = {path, yyjson_get_str(duplicate), 0};

        return path_error(&member, err, -EBADMSG, "stands there twice");
    }
    return 0;
}

static bool read_text(const struct field *field, yyjson_val *value, char *target)
{
    const char *text = yyjson_get_str(value);
    size_t len = yyjson_get_len(value);

    if (text == NULL)
        return false;
    if (field->kind == FIELD_UUID     ? !uuid_is_valid(text, len)
        : field->kind == FIELD_CHOICE ? !choice_is_accepted(field, text, len)
                                      : !text_is_accepted(field, text, len))
        return false;
    assert(len < field->size);
    memcpy(target, text, len);
    target[len] = '\0';
    return true;
}

static bool read_timestamp(yyjson_val *value, int64_t *target)
{
    const char *text = yyjson_get_str(value);

    return text != NULL && timestamp_parse(text, yyjson_get_len(value), target) == 0;
}

static bool read_number(const struct field *field, yyjson_val *value, int64_t *target)
{
    const char *text = yyjson_get_raw(value);
    size_t len = yyjson_get_len(value);
    int r;

    if (text == NULL)
        return false;
    r = field->kind == FIELD_MONEY ? money_parse(text, len, target)
                                   : decimal_parse(text, len, 0, target);
    return r == 0 && number_is_accepted(field, *target);
}

static int read_record(const struct record *record, yyjson_val *object, void *base,
                       const struct path *path, struct error *err);

static int read_list(const struct field *field, yyjson_val *array, void *base,
                     const struct path *path, struct error *err)
{
    size_t count = yyjson_arr_size(array);
    char *target = field_of(field, base);
    yyjson_arr_iter iter;

    if (!yyjson_is_arr(array) || !number_is_accepted(field, (int64_t)count))
        return path_error(path, err, -EBADMSG, "must be %s", field->rule);
    iter = yyjson_arr_iter_with(array);
    for (size_t i = 0; i < count; i++, target += field->item->size) {
        struct path entry = {path, NULL, i};
        int r = read_record(field->item, yyjson_arr_iter_next(&iter), target, &entry, err);

        if (r < 0)
            return r;
    }
    *field_count_of(field, base) = count;
    return 0;
}

static int read_value(const struct field *field, yyjson_val *value, void *base,
                      const struct path *path, struct error *err)
{
    void *target = field_of(field, base);
    bool accepted = false;

    switch (field->kind) {
    case FIELD_UUID:
    case FIELD_TEXT:
    case FIELD_CHOICE:
        accepted = read_text(field, value, target);
        break;
    case FIELD_TIMESTAMP:
        accepted = read_timestamp(value, target);
        break;
    case FIELD_INTEGER:
    case FIELD_MONEY:
        accepted = read_number(field, value, target);
        break;
    case FIELD_LIST:
        return read_list(field, value, base, path, err);
    case FIELD_EVENT_TYPE: /* document_decode() had to know it first */
        return 0;
    case FIELD_DATA: {
        const struct event *event = base;

        return read_record(event_infos[event->type].data, value, target, path, err);
    }
    case FIELD_NONE:
        break;
    }
    return accepted ? 0 : path_error(path, err, -EBADMSG, "must be %s", field->rule);
}

static int set_default(const struct field *field, void *base, const struct path *path,
                       struct error *err)
{
    if (field->required)
        return path_error(path, err, -EBADMSG, "is missing");
    if (field->kind == FIELD_INTEGER)
        *(int64_t *)field_of(field, base) = field->default_value;
    else
        strcpy(field_of(field, base), field->default_text != NULL ? field->default_text : "");
    return 0;
}

static int read_record(const struct record *record, yyjson_val *object, void *base,
                       const struct path *path, struct error *err)
{
    yyjson_obj_iter iter;
    int r = check_object(record, object, path, err);

    if (r < 0)
        return r;
    iter = yyjson_obj_iter_with(object);
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];
        struct path member = {path, field->name, 0};
        yyjson_val *value = yyjson_obj_iter_getn(&iter, field->name, field->name_len);

        r = value != NULL ? read_value(field, value, base, &member, err)
                          : set_default(field, base, &member, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static const struct field *event_type_field(void)
{
    const struct field *field = envelope_record.fields;

    while (field->kind != FIELD_EVENT_TYPE)
        field++;
    return field;
}

static int read_event_type(yyjson_val *document, enum event_type *ret, struct error *err)
{
    const struct field *field = event_type_field();
    struct path path = {NULL, field->name, 0};
    yyjson_val *value = yyjson_obj_getn(document, field->name, field->name_len);
    const char *text = yyjson_get_str(value);
    size_t len = yyjson_get_len(value);

    if (value == NULL)
        return path_error(&path, err, -EBADMSG, "is missing");
    if (text == NULL || !text_is_accepted(field, text, len))
        return path_error(&path, err, -EBADMSG, "must be %s", field->rule);
    *ret = event_type_from_name(text, len);
    if (*ret == EVENT_NONE)
        return path_error(&path, err, -ENOTSUP, "is not known here: %s", text);
    return 0;
}

int document_event_type(yyjson_val *document, enum event_type *ret, struct error *err)
{
    int r = check_object(&envelope_record, document, NULL, err);

    return r < 0 ? r : read_event_type(document, ret, err);
}

int document_decode(yyjson_val *document, struct event *event, struct error *err)
{
    int r = document_event_type(document, &event->type, err);

    return r < 0 ? r : read_record(&envelope_record, document, event, NULL, err);
}

/* encode.c - see encode.h. The mirror of decode.c: the same tables, the same rules. */
#include "common/event/encode.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/event/money.h"
#include "common/event/rules.h"

/* The last millisecond of the year 9999, the last that four digits can name. */
#define TIMESTAMP_MS_MAX INT64_C(253402300799999)

static bool text_is_valid(const struct field *field, const char *text)
{
    size_t len = strnlen(text, field->size);

    if (len == field->size)
        return false; /* its NUL is missing */
    return field->kind == FIELD_UUID     ? uuid_is_valid(text, len)
           : field->kind == FIELD_CHOICE ? choice_is_accepted(field, text, len)
                                         : text_is_accepted(field, text, len);
}

static bool type_is_valid(enum event_type type)
{
    return type > EVENT_NONE && type < EVENT_TYPE_COUNT;
}

static bool value_is_valid(const struct field *field, const void *base)
{
    const void *value = field_at(field, base);

    switch (field->kind) {
    case FIELD_UUID:
    case FIELD_TEXT:
    case FIELD_CHOICE:
        return text_is_valid(field, value);
    case FIELD_TIMESTAMP:
        return *(const int64_t *)value >= 0 && *(const int64_t *)value <= TIMESTAMP_MS_MAX;
    case FIELD_INTEGER:
    case FIELD_MONEY:
        return number_is_accepted(field, *(const int64_t *)value);
    case FIELD_LIST:
        return field_count_at(field, base) <= INT64_MAX &&
               number_is_accepted(field, (int64_t)field_count_at(field, base));
    case FIELD_EVENT_TYPE:
        return type_is_valid(*(const enum event_type *)value);
    case FIELD_DATA:
        return true; /* its members are looked at one by one */
    case FIELD_NONE:
        break;
    }
    return false;
}

static yyjson_mut_val *write_timestamp(int64_t utc_ms, yyjson_mut_doc *document)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format(utc_ms, text);
    return yyjson_mut_strncpy(document, text, TIMESTAMP_SIZE - 1);
}

static yyjson_mut_val *write_money(int64_t minor, yyjson_mut_doc *document)
{
    char text[MONEY_SIZE];
    size_t len = money_format(minor, text);

    return yyjson_mut_rawncpy(document, text, len);
}

static int write_record(const struct record *record, const void *base, const struct path *path,
                        yyjson_mut_doc *document, yyjson_mut_val **ret, struct error *err);

static int write_list(const struct field *field, const void *base, const struct path *path,
                      yyjson_mut_doc *document, yyjson_mut_val **ret, struct error *err)
{
    const char *source = field_at(field, base);
    size_t count = field_count_at(field, base);
    yyjson_mut_val *array = yyjson_mut_arr(document), *value;

    for (size_t i = 0; i < count; i++, source += field->item->size) {
        struct path entry = {path, NULL, i};
        int r = write_record(field->item, source, &entry, document, &value, err);

        if (r < 0)
            return r;
        yyjson_mut_arr_append(array, value);
    }
    *ret = array;
    return 0;
}

static int write_value(const struct field *field, const void *base, const struct path *path,
                       yyjson_mut_doc *document, yyjson_mut_val **ret, struct error *err)
{
    const void *value = field_at(field, base);

    if (!value_is_valid(field, base))
        return path_error(path, err, -EINVAL, "must be %s", field->rule);
    switch (field->kind) {
    case FIELD_UUID:
    case FIELD_TEXT:
    case FIELD_CHOICE:
        *ret = yyjson_mut_str(document, value);
        break;
    case FIELD_TIMESTAMP:
        *ret = write_timestamp(*(const int64_t *)value, document);
        break;
    case FIELD_INTEGER:
        *ret = yyjson_mut_sint(document, *(const int64_t *)value);
        break;
    case FIELD_MONEY:
        *ret = write_money(*(const int64_t *)value, document);
        break;
    case FIELD_LIST:
        return write_list(field, base, path, document, ret, err);
    case FIELD_EVENT_TYPE:
        *ret = yyjson_mut_str(document, event_type_name(*(const enum event_type *)value));
        break;
    case FIELD_DATA: {
        const struct event *event = base;

        return write_record(event_infos[event->type].data, value, path, document, ret, err);
    }
    case FIELD_NONE:
        break;
    }
    return 0;
}

static bool is_absent(const struct field *field, const void *base)
{
    bool is_text = field->kind == FIELD_UUID || field->kind == FIELD_TEXT;

    return is_text && !field->required && *(const char *)field_at(field, base) == '\0';
}

static int write_record(const struct record *record, const void *base, const struct path *path,
                        yyjson_mut_doc *document, yyjson_mut_val **ret, struct error *err)
{
    yyjson_mut_val *object = yyjson_mut_obj(document), *value = NULL;

    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];
        struct path member = {path, field->name, 0};
        int r;

        if (is_absent(field, base))
            continue;
        r = write_value(field, base, &member, document, &value, err);
        if (r < 0)
            return r;
        bool added = yyjson_mut_obj_add(
            object, yyjson_mut_strn(document, field->name, field->name_len), value);
        assert(added); /* false only if the allocator has no more room */
    }
    *ret = object;
    return 0;
}

int document_encode(const struct event *event, yyjson_mut_doc *document, struct error *err)
{
    yyjson_mut_val *root;
    int r = write_record(&envelope_record, event, NULL, document, &root, err);

    if (r == 0)
        yyjson_mut_doc_set_root(document, root);
    return r;
}

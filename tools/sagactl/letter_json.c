/* letter_json.c - see letter_json.h. */
#include "tools/sagactl/letter_json.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "tools/sagactl/document.h"

#define HEX_SUFFIX "_hex"
#define NAME_SIZE 32
/* The last time that has a text. */
#define TIME_MS_MAX INT64_C(253402300799999)

static json_t *hex(struct bytes bytes)
{
    CLEANUP(free_ptr) char *text = malloc(bytes.len * 2 + 1);

    if (text == NULL)
        return NULL;
    text[0] = '\0';
    for (size_t i = 0; i < bytes.len; i++)
        snprintf(text + i * 2, 3, "%02x", (unsigned char)bytes.data[i]);
    return json_string(text);
}

/* "name": the text, or null for none; "name_hex" for what is no text. */
static int set_bytes(json_t *object, const char *name, struct bytes bytes)
{
    char other[NAME_SIZE];
    json_t *text = bytes.data != NULL ? json_stringn(bytes.data, bytes.len) : json_null();

    if (text != NULL)
        return json_object_set_new(object, name, text);
    snprintf(other, sizeof(other), "%s" HEX_SUFFIX, name);
    return json_object_set_new(object, other, hex(bytes));
}

/* A number, or what stands there instead of one. */
static int set_number(json_t *object, const char *name, struct bytes bytes)
{
    int64_t number;

    if (bytes_number(bytes, &number) < 0)
        return set_bytes(object, name, bytes);
    return json_object_set_new(object, name, json_integer(number));
}

static int set_time(json_t *object, int64_t time_ms)
{
    bool has_text = time_ms >= 0 && time_ms <= TIME_MS_MAX;

    return json_object_set_new(object, "time", has_text ? document_time(time_ms) : json_null());
}

static json_t *origin_json(const struct letter *letter)
{
    json_t *origin = json_object();
    int r = set_bytes(origin, "topic", letter->topic);

    r |= set_number(origin, "partition", letter->partition);
    r |= set_number(origin, "offset", letter->offset);
    if (r == 0)
        return origin;
    json_decref(origin);
    return NULL;
}

static json_t *resolution_json(const struct resolution *resolution)
{
    json_t *object = json_object();
    const char *reason = resolution->reason;
    int r = set_time(object, resolution->time_ms);

    if (reason != NULL)
        r |= set_bytes(object, "reason", (struct bytes){reason, strlen(reason)});
    if (r == 0)
        return object;
    json_decref(object);
    return NULL;
}

json_t *letter_json(const struct letter *letter, const struct resolution *resolution)
{
    enum letter_state state = resolution != NULL ? resolution->state : LETTER_OPEN;
    json_t *object = json_object();
    char id[LETTER_ID_SIZE];
    int r;

    letter_id_format(&letter->id, id);
    r = json_object_set_new(object, "id", json_string(id));
    r |= json_object_set_new(object, "service", json_string(letter->id.service->name));
    r |= json_object_set_new(object, "state", json_string(letter_state_name(state)));
    r |= set_time(object, letter->time_ms);
    r |= json_object_set_new(object, "origin", origin_json(letter));
    r |= set_bytes(object, "key", letter->key);
    r |= set_bytes(object, "event_type", letter->type);
    r |= set_bytes(object, "cause", letter->cause);
    if (letter->ancestor.data != NULL)
        r |= set_bytes(object, "ancestor", letter->ancestor);
    if (resolution != NULL)
        r |= json_object_set_new(object, "resolution", resolution_json(resolution));
    if (r == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *headers_json(const struct letter *letter)
{
    json_t *list = json_array();
    rd_kafka_headers_t *headers;
    struct bytes value;
    const void *data;
    const char *name;
    int r = 0;

    if (rd_kafka_message_headers(letter->record, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return list;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &data, &value.len) ==
                       RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        json_t *header = json_object();

        value.data = data;
        r |= set_bytes(header, "name", (struct bytes){name, strlen(name)});
        r |= set_bytes(header, "value", value);
        r |= json_array_append_new(list, header);
    }
    if (r == 0)
        return list;
    json_decref(list);
    return NULL;
}

int letter_json_add_record(json_t *document, const struct letter *letter)
{
    int r = json_object_set_new(document, "headers", headers_json(letter));

    return set_bytes(document, "value", letter->value) | r;
}

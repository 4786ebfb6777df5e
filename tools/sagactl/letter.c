/* letter.c - see letter.h. */
#include "tools/sagactl/letter.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "common/kafka/dead_letter.h"
#include "common/kafka/record.h"
#include "common/kafka/topics.h"

/* Digits of a number that is within any bound of Kafka's. */
#define NUMBER_DIGITS_MAX 18
/* "\xNN", "..." and NUL. */
#define ESCAPE_LEN 4
#define TAIL_SIZE 4

static const struct letter_service services[] = {
    {"order", TOPIC_ORDER_DEAD_LETTERS, TOPIC_ORDER_REPLAYS},
    {"payment", TOPIC_PAYMENT_DEAD_LETTERS, TOPIC_PAYMENT_REPLAYS},
    {"inventory", TOPIC_INVENTORY_DEAD_LETTERS, TOPIC_INVENTORY_REPLAYS},
    {"shipping", TOPIC_SHIPPING_DEAD_LETTERS, TOPIC_SHIPPING_REPLAYS},
};

const char *letter_state_name(enum letter_state state)
{
    switch (state) {
    case LETTER_REPLAYED:
        return "replayed";
    case LETTER_DISCARDED:
        return "discarded";
    case LETTER_OPEN:
        break;
    }
    return "open";
}

const struct letter_service *letter_services(size_t *count)
{
    *count = ARRAY_LEN(services);
    return services;
}

const struct letter_service *letter_service_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        if (strlen(services[i].name) == len && memcmp(services[i].name, name, len) == 0)
            return &services[i];
    return NULL;
}

/* --- bytes ------------------------------------------------------------------------------------ */

int bytes_number(struct bytes bytes, int64_t *ret)
{
    int64_t number = 0;

    if (bytes.len == 0 || bytes.len > NUMBER_DIGITS_MAX)
        return -EINVAL;
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] < '0' || bytes.data[i] > '9')
            return -EINVAL;
        number = number * 10 + (bytes.data[i] - '0');
    }
    *ret = number;
    return 0;
}

static size_t put_byte(unsigned char byte, char out[ESCAPE_LEN + 1])
{
    if (byte == '\\')
        return (size_t)snprintf(out, ESCAPE_LEN + 1, "\\\\");
    if (byte >= ' ' && byte < 0x7f)
        return (size_t)snprintf(out, ESCAPE_LEN + 1, "%c", byte);
    return (size_t)snprintf(out, ESCAPE_LEN + 1, "\\x%02x", byte);
}

const char *bytes_text(struct bytes bytes, char *out, size_t size)
{
    size_t len = 0;

    assert(size > ESCAPE_LEN + TAIL_SIZE);
    str_copy(out, size, bytes.data == NULL ? "-" : "");
    for (size_t i = 0; i < bytes.len; i++) {
        if (len + ESCAPE_LEN + TAIL_SIZE > size) {
            str_copy(out + len, size - len, "...");
            break;
        }
        len += put_byte((unsigned char)bytes.data[i], out + len);
    }
    return out;
}

/* --- ids -------------------------------------------------------------------------------------- */

/* The part before the next slash, or all; moves `rest` behind it. */
static struct bytes next_part(struct bytes *rest)
{
    const char *slash = rest->len > 0 ? memchr(rest->data, '/', rest->len) : NULL;
    struct bytes part = {rest->data, slash != NULL ? (size_t)(slash - rest->data) : rest->len};
    size_t skipped = part.len + (slash != NULL ? 1 : 0);

    rest->data = rest->data + skipped;
    rest->len -= skipped;
    return part;
}

int letter_id_parse(struct bytes text, struct letter_id *ret)
{
    int64_t partition, offset;

    if (text.data == NULL)
        return -EINVAL;

    struct bytes name = next_part(&text), number = next_part(&text);
    const struct letter_service *service = letter_service_find(name.data, name.len);

    if (service == NULL || bytes_number(number, &partition) < 0 || partition > INT32_MAX ||
        bytes_number(text, &offset) < 0)
        return -EINVAL;
    *ret = (struct letter_id){service, (int32_t)partition, offset};
    return 0;
}

void letter_id_format(const struct letter_id *id, char out[LETTER_ID_SIZE])
{
    snprintf(out, LETTER_ID_SIZE, "%s/%d/%" PRId64, id->service->name, (int)id->partition,
             id->offset);
}

int letter_id_compare(const void *a, const void *b)
{
    const struct letter_id *one = a, *other = b;

    if (one->service != other->service)
        return one->service < other->service ? -1 : 1;
    if (one->partition != other->partition)
        return one->partition < other->partition ? -1 : 1;
    return (one->offset > other->offset) - (one->offset < other->offset);
}

/* --- letters ---------------------------------------------------------------------------------- */

static struct bytes header(const rd_kafka_message_t *record, const char *name)
{
    struct bytes value = {0};

    return record_header(record, name, &value.data, &value.len) ? value : (struct bytes){0};
}

/* "ce_type", or what the JSON says if this program knows the type. */
static struct bytes find_type(const rd_kafka_message_t *record, struct codec *codec)
{
    struct bytes name = header(record, "ce_type");
    enum event_type type;

    if (name.data == NULL && record->payload != NULL &&
        event_peek_type(codec, record->payload, record->len, &type, NULL) == 0)
        name = (struct bytes){event_type_name(type), strlen(event_type_name(type))};
    return name;
}

void letter_read(const struct letter_service *service, const rd_kafka_message_t *record,
                 struct codec *codec, struct letter *ret)
{
    *ret = (struct letter){
        .id = {service, record->partition, record->offset},
        .time_ms = rd_kafka_message_timestamp(record, NULL),
        .key = {record->key, record->key_len},
        .value = {record->payload, record->len},
        .type = find_type(record, codec),
        .cause = header(record, DEAD_LETTER_CAUSE),
        .topic = header(record, DEAD_LETTER_TOPIC),
        .partition = header(record, DEAD_LETTER_PARTITION),
        .offset = header(record, DEAD_LETTER_OFFSET),
        .ancestor = header(record, DEAD_LETTER_ID),
        .record = record,
    };
}

static bool holds_events(enum topic topic)
{
    for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
        if (event_topic(type) == topic)
            return true;
    return false;
}

/* The topic that the letter came from, TOPIC_NONE if that is none that its service decides upon. */
static enum topic find_origin(const struct letter *letter, const char *prefix)
{
    char name[TOPIC_NAME_SIZE];

    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        topic_name(prefix, topic, name);
        if (letter->topic.len == strlen(name) &&
            memcmp(letter->topic.data, name, letter->topic.len) == 0)
            return holds_events(topic) || topic == letter->id.service->replays ? topic : TOPIC_NONE;
    }
    return TOPIC_NONE;
}

/* As the service will see it; what this program cannot read is the service's to judge. */
static const char *event_obstacle(const struct letter *letter, struct codec *codec, int64_t now_ms)
{
    struct event event;

    if (letter->value.data == NULL ||
        event_decode(codec, letter->value.data, letter->value.len, &event, NULL) < 0)
        return NULL;
    return dead_letter_obstacle(&event, now_ms);
}

const char *letter_obstacle(const struct letter *letter, struct codec *codec, const char *prefix,
                            int64_t now_ms, enum topic *target)
{
    enum topic origin = find_origin(letter, prefix), replays = letter->id.service->replays;
    const char *obstacle = NULL;

    if (letter->key.data == NULL)
        return "it has no key";
    if (origin == TOPIC_NONE)
        return "it came from no topic that its service decides upon";
    if (letter->value.len > EVENT_BYTES_MAX)
        return "it is larger than an event may be";
    if (now_ms - letter->time_ms >= topic_info(replays)->retention_ms)
        return "it is too old: whether it was replayed may be forgotten";
    if (origin == replays || !str_equal(topic_info(origin)->writer, "operator")) {
        origin = replays;
        obstacle = event_obstacle(letter, codec, now_ms);
    }
    if (obstacle == NULL)
        *target = origin;
    return obstacle;
}

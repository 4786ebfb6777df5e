/* check_letters_read.c - see check_letters.h: dead letters, replays and refused records come in. */
#include "tools/sagactl/check_letters.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "common/kafka/dead_letter.h"
#include "common/kafka/topics.h"

#define NUMBER_DIGITS_MAX 18

int letters_new(struct letters **ret, struct error *err)
{
    *ret = calloc(1, sizeof(**ret));
    return *ret != NULL ? 0 : error_set(err, -ENOMEM, "out of memory");
}

void letters_free(struct letters *letters)
{
    if (letters == NULL)
        return;
    free(letters->letters.items);
    free(letters->replays.items);
    free(letters->expectations.items);
    free(letters);
}

/* --- taking them in */

/* Null and empty are not the same. */
static uint64_t digest_bytes(uint64_t seed, const void *bytes, size_t len)
{
    return bytes == NULL ? seed : digest(seed ^ 1, bytes, len);
}

/* What a refusal adds; an earlier one's is replaced. */
static bool tells_of_refusal(const char *name)
{
    static const char *const names[] = {DEAD_LETTER_CAUSE, DEAD_LETTER_TOPIC, DEAD_LETTER_PARTITION,
                                        DEAD_LETTER_OFFSET, DEAD_LETTER_SERVICE};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_equal(name, names[i]))
            return true;
    return false;
}

static struct content content_of(const struct check_record *record)
{
    struct content content = {
        .key = digest_bytes(0, record->key, record->key_len),
        .value = digest_bytes(0, record->value, record->value_len),
    };
    size_t count = record->headers != NULL ? rd_kafka_header_cnt(record->headers) : 0;
    const char *name;
    const void *value;
    size_t len;

    for (size_t i = 0; i < count; i++)
        if (rd_kafka_header_get_all(record->headers, i, &name, &value, &len) ==
                RD_KAFKA_RESP_ERR_NO_ERROR &&
            !tells_of_refusal(name))
            content.headers = digest_bytes(digest_text(content.headers, name), value, len);
    return content;
}

/* Decimal digits alone. */
static bool parse_number(const char *text, size_t len, int64_t *ret)
{
    int64_t number = 0;

    if (len == 0 || len > NUMBER_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = number * 10 + (text[i] - '0');
    }
    *ret = number;
    return true;
}

static bool header_number(const struct check_record *record, const char *name, int64_t *ret)
{
    const char *text;
    size_t len;

    return header_find(record->headers, name, &text, &len) && parse_number(text, len, ret);
}

static void copy_text(char *to, size_t size, const char *text, size_t len)
{
    size_t count = len < size - 1 ? len : size - 1;

    memcpy(to, text, count);
    to[count] = '\0';
}

static enum topic find_topic(const char *prefix, const char *name, size_t len)
{
    char full[TOPIC_NAME_SIZE];

    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
        topic_name(prefix, topic, full);
        if (strlen(full) == len && memcmp(full, name, len) == 0)
            return topic;
    }
    return TOPIC_NONE;
}

/* Returns what is missing; NULL: nothing. */
static const char *read_origin(const struct check *check, const struct check_record *record,
                               struct letter *letter)
{
    const char *text;
    size_t len;
    int64_t partition;

    if (!header_find(record->headers, DEAD_LETTER_CAUSE, &text, &len) || len == 0)
        return "names no cause";
    copy_text(letter->cause, sizeof(letter->cause), text, len);
    if (!header_find(record->headers, DEAD_LETTER_SERVICE, &text, &len) ||
        len != strlen(letter->service) || memcmp(text, letter->service, len) != 0)
        return "names another service, or none";
    if (!header_find(record->headers, DEAD_LETTER_TOPIC, &text, &len) ||
        !header_number(record, DEAD_LETTER_PARTITION, &partition) ||
        partition >= CHECK_PARTITIONS_MAX ||
        !header_number(record, DEAD_LETTER_OFFSET, &letter->origin.offset))
        return "does not say where it comes from";
    letter->origin.partition = (int32_t)partition;
    letter->origin.topic = find_topic(check->config.topic_prefix, text, len);
    return letter->origin.topic == TOPIC_NONE ? "comes from a topic that is none of ours" : NULL;
}

int letters_add(struct check *check, const struct check_record *record, struct error *err)
{
    const char *name = topic_info(record->topic)->name;
    int r = 0;
    struct letter *letter = list_add(&check->letters->letters, sizeof(*letter), CHECK_LETTERS_MAX,
                                     "dead letters", &r, err);

    assert(!check->letters->sealed); /* a promise of check_add() */
    if (letter == NULL)
        return r;
    letter->own = (struct place){record->topic, record->partition, record->offset};
    copy_text(letter->service, sizeof(letter->service), name, strcspn(name, "."));
    if (record->key != NULL)
        copy_text(letter->key, sizeof(letter->key), record->key, record->key_len);
    letter->fault = read_origin(check, record, letter);
    letter->content = content_of(record);
    return 0;
}

/* dead_letter_id: "<service>/<partition>/<offset>". */
static bool read_letter_id(const struct check_record *record, const char *service,
                           struct place *ret)
{
    const char *text, *slash, *second;
    int64_t partition;
    char name[SERVICE_SIZE + sizeof(".dead-letters")];
    size_t len;

    if (!header_find(record->headers, DEAD_LETTER_ID, &text, &len))
        return false;
    slash = memchr(text, '/', len);
    second = slash != NULL ? memchr(slash + 1, '/', len - (size_t)(slash + 1 - text)) : NULL;
    if (second == NULL || strlen(service) != (size_t)(slash - text) ||
        memcmp(text, service, strlen(service)) != 0 ||
        !parse_number(slash + 1, (size_t)(second - slash - 1), &partition) ||
        !parse_number(second + 1, len - (size_t)(second + 1 - text), &ret->offset))
        return false;
    snprintf(name, sizeof(name), "%s.dead-letters", service);
    ret->topic = find_topic("", name, strlen(name));
    ret->partition = (int32_t)partition;
    return true;
}

int letters_add_replay(struct check *check, const struct check_record *record, struct error *err)
{
    const char *name = topic_info(record->topic)->name;
    char service[SERVICE_SIZE], place[CHECK_SUBJECT_SIZE];
    struct place letter;
    struct replay *replay;
    const char *text;
    size_t len;
    int r = 0;

    copy_text(service, sizeof(service), name, strcspn(name, "."));
    if (!read_letter_id(record, service, &letter)) {
        check_report(check, 8, place_text(record->topic, record->partition, record->offset, place),
                     "does not say which dead letter it resolves");
        return 0;
    }
    replay =
        list_add(&check->letters->replays, sizeof(*replay), CHECK_LETTERS_MAX, "replays", &r, err);
    if (replay == NULL)
        return r;
    replay->letter = letter;
    replay->own = (struct place){record->topic, record->partition, record->offset};
    replay->content = content_of(record);
    replay->is_mark =
        record->value == NULL && header_find(record->headers, DEAD_LETTER_RESOLUTION, &text, &len);
    return 0;
}

bool letters_wants(const char *service, enum event_type type)
{
    const struct topic_info *home;

    if (type == EVENT_NONE)
        return true;
    home = topic_info(event_topic(type));
    for (size_t i = 0; i < home->reader_count; i++)
        if (home->readers[i].type == type && str_equal(home->readers[i].service, service))
            return true;
    return false;
}

static bool has_readers(const struct topic_info *info, enum event_type type)
{
    for (size_t i = 0; i < info->reader_count; i++)
        if (letters_wants(info->readers[i].service, type))
            return true;
    return false;
}

int letters_expect(struct check *check, const struct check_record *record, enum event_type type,
                   const char *why, struct error *err)
{
    char place[CHECK_SUBJECT_SIZE];
    struct expectation *expectation;
    int r = 0;

    if (!has_readers(topic_info(record->topic), type)) {
        check_report(check, 0, place_text(record->topic, record->partition, record->offset, place),
                     "is no event of this topic: %s", why);
        return 0;
    }
    expectation = list_add(&check->letters->expectations, sizeof(*expectation), CHECK_LETTERS_MAX,
                           "records that are no events", &r, err);
    if (expectation == NULL)
        return r;
    expectation->place = (struct place){record->topic, record->partition, record->offset};
    expectation->type = type;
    str_copy(expectation->why, sizeof(expectation->why), why);
    return 0;
}

/* --- finding them by their origin */

int place_compare(const struct place *a, const struct place *b)
{
    if (a->topic != b->topic)
        return a->topic < b->topic ? -1 : 1;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

/* Origin, then service: so that the same refusal twice stands side by side. */
static int compare_letters(const void *a, const void *b)
{
    const struct letter *x = a, *y = b;
    int order = place_compare(&x->origin, &y->origin);

    if (order == 0)
        order = strcmp(x->service, y->service);
    return order != 0 ? order : place_compare(&x->own, &y->own);
}

void letters_seal(struct letters *letters)
{
    if (!letters->sealed && letters->letters.count > 0)
        qsort(letters->letters.items, letters->letters.count, sizeof(struct letter),
              compare_letters);
    letters->sealed = true;
}

size_t letters_lower_bound(const struct letters *letters, const struct place *origin)
{
    const struct letter *list = letters->letters.items;
    size_t from = 0, to = letters->letters.count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (place_compare(&list[middle].origin, origin) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

void letters_note_origin(struct letters *letters, const struct place *place,
                         const struct content *content, bool is_event)
{
    struct letter *list = letters->letters.items;

    for (size_t i = letters_lower_bound(letters, place);
         i < letters->letters.count && place_compare(&list[i].origin, place) == 0; i++) {
        list[i].found = true;
        list[i].is_event = is_event;
        list[i].found_content = *content;
    }
}

void letters_note_source(struct check *check, const struct check_record *record, bool is_event)
{
    const struct place place = {record->topic, record->partition, record->offset};
    struct content content;

    letters_seal(check->letters);
    if (check->letters->letters.count == 0)
        return;
    content = content_of(record);
    letters_note_origin(check->letters, &place, &content, is_event);
}

bool letters_refuse(struct check *check, const struct check_record *record)
{
    const struct place place = {record->topic, record->partition, record->offset};
    const struct letter *list = check->letters->letters.items;
    size_t i;

    letters_seal(check->letters);
    i = letters_lower_bound(check->letters, &place);
    return i < check->letters->letters.count && place_compare(&list[i].origin, &place) == 0;
}

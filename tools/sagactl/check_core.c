/* check_core.c - see check_core.h: what is kept, and the order in which it is judged. */
#include "tools/sagactl/check_core.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "tools/sagactl/check_facts.h"

#define LIST_FIRST 1024
/* Of a UUID as text: where its version stands. */
#define UUID_VERSION_AT 14
/* FNV-1a. */
#define DIGEST_BASIS UINT64_C(0xcbf29ce484222325)
#define DIGEST_PRIME UINT64_C(0x100000001b3)

/* --- what all parts use */

void *list_add(struct list *list, size_t item_size, size_t max, const char *what, int *ret_code,
               struct error *err)
{
    void *item;

    if (list->count == max) {
        *ret_code = error_set(err, -E2BIG, "more than %zu %s: too many for one check", max, what);
        return NULL;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? list->capacity * 2 : LIST_FIRST;
        void *items = reallocarray(list->items, capacity, item_size);

        if (items == NULL) {
            *ret_code = error_set(err, -ENOMEM, "out of memory");
            return NULL;
        }
        list->items = items;
        list->capacity = capacity;
    }
    item = (char *)list->items + item_size * list->count++;
    memset(item, 0, item_size);
    return item;
}

void check_report(struct check *check, int invariant, const char *subject, const char *format, ...)
{
    char text[CHECK_TEXT_SIZE];
    const struct check_finding finding = {invariant, subject, text};
    va_list args;

    check->counts.findings++;
    if (check->failure < 0)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    check->failure = check->config.on_finding(check->config.context, &finding, &check->failed);
}

const char *place_text(enum topic topic, int32_t partition, int64_t offset,
                       char out[CHECK_SUBJECT_SIZE])
{
    snprintf(out, CHECK_SUBJECT_SIZE, "%s[%d]@%" PRId64, topic_info(topic)->name, (int)partition,
             offset);
    return out;
}

uint64_t digest(uint64_t seed, const void *bytes, size_t len)
{
    const uint8_t *byte = bytes;
    uint64_t value = seed ^ DIGEST_BASIS;

    for (size_t i = 0; i < len; i++)
        value = (value ^ byte[i]) * DIGEST_PRIME;
    return value ^ value >> 29;
}

uint64_t digest_text(uint64_t seed, const char *text)
{
    return digest(seed, text, strlen(text));
}

bool is_derived_id(const char *id)
{
    return id[UUID_VERSION_AT] == '5';
}

bool header_find(rd_kafka_headers_t *headers, const char *name, const char **value, size_t *len)
{
    const void *found = NULL;

    if (headers == NULL ||
        rd_kafka_header_get_last(headers, name, &found, len) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *value = found;
    return found != NULL;
}

static const struct fact *fact_at(const struct check *check, uint32_t number)
{
    return number == 0 ? NULL : (const struct fact *)check->facts.items + number - 1;
}

const struct fact *fact_first(const struct check *check, const struct order_facts *order)
{
    return fact_at(check, order->first);
}

const struct fact *fact_next(const struct check *check, const struct fact *fact)
{
    return fact_at(check, fact->next);
}

static int64_t range_horizon_ms(const struct range *range)
{
    if (range->low <= 0)
        return INT64_MIN;
    return range->begun ? range->first_ms : INT64_MAX;
}

/* Requests are kept shorter than orders: an order is whole without them. */
static bool shows_orders(enum topic topic)
{
    return topic_info(topic)->keyed_by_order && topic != TOPIC_ORDER_REQUESTS;
}

static void find_horizons(struct check *check)
{
    check->horizon_all_ms = INT64_MIN;
    for (int32_t p = 0; p < CHECK_PARTITIONS_MAX; p++) {
        int64_t *horizon_ms = &check->horizon_ms[p];

        *horizon_ms = INT64_MIN;
        for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++) {
            int64_t ms = range_horizon_ms(&check->ranges[topic][p]);

            if (shows_orders(topic) && ms > *horizon_ms)
                *horizon_ms = ms;
            if ((shows_orders(topic) || topic == TOPIC_STOCK_RECEIPTS) &&
                ms > check->horizon_all_ms)
                check->horizon_all_ms = ms;
        }
    }
}

/* --- its life */

int check_new(const struct check_config *config, struct check **ret, struct error *err)
{
    CLEANUP(check_cleanup) struct check *check = calloc(1, sizeof(*check));
    int r;

    if (check == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    check->config = *config;
    for (size_t p = 0; p < CHECK_PARTITIONS_MAX; p++)
        check->clean_end[p] = INT64_MAX;
    r = codec_new(&check->codec, err);
    if (r == 0)
        r = letters_new(&check->letters, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(check);
    return 0;
}

void check_free(struct check *check)
{
    if (check == NULL)
        return;
    free(check->facts.items);
    free(check->wanted.items);
    free(check->levels.items);
    free(check->changes.items);
    free(check->orders);
    free(check->products.items);
    free(check->product_slots);
    letters_free(check->letters);
    codec_free(check->codec);
    free(check);
}

/* Our own topics have fewer; a cluster's may have been made by hand. */
static int check_partition(int32_t partition, struct error *err)
{
    if (partition >= 0 && partition < CHECK_PARTITIONS_MAX)
        return 0;
    return error_set(err, -E2BIG, "more than %d partitions", CHECK_PARTITIONS_MAX);
}

void check_begins(struct check *check, enum topic topic, int32_t partition, int64_t low)
{
    if (partition < CHECK_PARTITIONS_MAX)
        check->ranges[topic][partition].low = low;
}

void check_is_open(struct check *check, enum topic topic, int32_t partition)
{
    char place[CHECK_SUBJECT_SIZE];

    snprintf(place, sizeof(place), "%s[%d]", topic_info(topic)->name, (int)partition);
    check_report(check, 5, place, "a transaction was left open: readers wait there");
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len > end_len && str_equal(text + len - end_len, end);
}

static bool is_of_replays(enum topic topic)
{
    return ends_with(topic_info(topic)->name, ".replays");
}

bool check_topic_is_of_letters(enum topic topic)
{
    return is_of_replays(topic) || ends_with(topic_info(topic)->name, ".dead-letters");
}

int check_add(struct check *check, const struct check_record *record, struct error *err)
{
    int r = check_partition(record->partition, err);
    struct check_record own = *record;
    struct range *range;

    if (r < 0)
        return r;
    own.young = record->young && !check->config.final;
    range = &check->ranges[record->topic][record->partition];
    if (!range->begun)
        range->first_ms = record->timestamp_ms;
    range->begun = true;
    if (is_of_replays(own.topic))
        return letters_add_replay(check, &own, err);
    if (check_topic_is_of_letters(own.topic))
        return letters_add(check, &own, err);
    return check_add_event(check, &own, err);
}

/* --- ids: each once in its topic */

static int compare_digests(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t fact_id_digest(const struct fact *fact)
{
    return digest(event_topic((enum event_type)fact->type), fact->id, UUID_BYTES);
}

static uint64_t level_id_digest(const struct level *level)
{
    return digest(TOPIC_STOCK, level->id, UUID_BYTES);
}

/* The second holder of an id that stands twice. */
static void report_twice(struct check *check, uint64_t twice)
{
    const struct fact *facts = check->facts.items;
    const struct level *levels = check->levels.items;
    char id[UUID_SIZE];
    size_t found = 0;

    for (size_t i = 0; i < check->facts.count; i++)
        if (fact_id_digest(&facts[i]) == twice && found++ > 0) {
            uuid_from_bytes(facts[i].id, id);
            check_report(check, 6, id, "is the id of two events in %s",
                         topic_info(event_topic((enum event_type)facts[i].type))->name);
        }
    for (size_t i = 0; i < check->levels.count; i++)
        if (level_id_digest(&levels[i]) == twice && found++ > 0) {
            uuid_from_bytes(levels[i].id, id);
            check_report(check, 6, id, "is the id of two events in stock");
        }
}

static int check_ids(struct check *check, struct error *err)
{
    size_t fact_count = check->facts.count, count = fact_count + check->levels.count;
    const struct fact *facts = check->facts.items;
    const struct level *levels = check->levels.items;
    CLEANUP(free_ptr) uint64_t *ids = calloc(count + 1, sizeof(*ids));

    if (ids == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < fact_count; i++)
        ids[i] = fact_id_digest(&facts[i]);
    for (size_t i = fact_count; i < count; i++)
        ids[i] = level_id_digest(&levels[i - fact_count]);
    qsort(ids, count, sizeof(*ids), compare_digests);
    for (size_t i = 1; i < count && check->failure == 0; i++)
        if (ids[i] == ids[i - 1] && (i == 1 || ids[i - 2] != ids[i]))
            report_twice(check, ids[i]);
    return 0;
}

int check_finish(struct check *check, struct check_counts *ret, struct error *err)
{
    int r = check_ids(check, err);

    if (r < 0)
        return r;
    find_horizons(check);
    check_orders(check);
    check_stock(check);
    check_letters(check);
    if (check->failure < 0)
        return error_set(err, check->failure, "%s", check->failed.text);
    *ret = check->counts;
    return 0;
}

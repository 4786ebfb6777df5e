/*
 * check_stock.c - the stock at every prefix of the log (invariant 2), and that an event about goods
 * has its levels beside it (5): each level is the one before it, changed by what its cause says,
 * and each change is in one level.
 *
 * `stock` is compacted: of what the broker has cleaned, only the last level of a product is left. A
 * product's first level may therefore stand for several changes, if it lies where no product stands
 * twice yet; then these changes are in no level, and must add up to it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "tools/sagactl/check_facts.h"

/* Levels and changes of the same cause and product. */
struct group {
    const struct level *levels;
    const struct change *changes;
    size_t level_count, change_count;
    struct product *product;
};

static int compare(const void *cause, uint32_t product, const void *other, uint32_t other_product)
{
    int order = memcmp(cause, other, UUID_BYTES);

    return order != 0 ? order : (product > other_product) - (product < other_product);
}

static int compare_levels(const void *a, const void *b)
{
    const struct level *x = a, *y = b;
    int order = compare(x->cause, x->product, y->cause, y->product);

    return order != 0 ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

static int compare_changes(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    int order = compare(x->cause, x->product, y->cause, y->product);

    return order != 0 ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

/* What one piece does. */
static const struct amounts effects[EVENT_TYPE_COUNT] = {
    [EVENT_STOCK_RECEIVED] = {.on_hand = 1, .available = 1},
    [EVENT_INVENTORY_RESERVED] = {.reserved = 1, .available = -1},
    [EVENT_INVENTORY_RELEASED] = {.reserved = -1, .available = 1},
    [EVENT_INVENTORY_DEDUCTED] = {.on_hand = -1, .reserved = -1},
};

bool moves_stock(enum event_type type)
{
    return effects[type].on_hand != 0 || effects[type].reserved != 0;
}

static struct amounts effect_of(const struct change *change)
{
    const struct amounts *one = &effects[change->type];

    return (struct amounts){
        .on_hand = one->on_hand * change->quantity,
        .reserved = one->reserved * change->quantity,
        .available = one->available * change->quantity,
    };
}

static bool equals(const struct amounts *a, const struct amounts *b)
{
    return a->on_hand == b->on_hand && a->reserved == b->reserved && a->available == b->available;
}

static void add(struct amounts *to, const struct amounts *by, int sign)
{
    to->on_hand += sign * by->on_hand;
    to->reserved += sign * by->reserved;
    to->available += sign * by->available;
}

static const char *level_place(const struct level *level, char out[CHECK_SUBJECT_SIZE])
{
    return place_text(TOPIC_STOCK, level->partition, level->offset, out);
}

static const char *change_place(const struct change *change, char out[CHECK_SUBJECT_SIZE])
{
    return place_text(event_topic((enum event_type)change->type), change->partition, change->offset,
                      out);
}

/* --- one group: a level and its change */

static bool may_stand_for_more(const struct check *check, const struct level *level)
{
    return level->first && level->offset < check->clean_end[level->partition];
}

/* `effect` is zeros for a cause that has expired. */
static void keep_gap(struct product *product, const struct level *level,
                     const struct amounts *effect)
{
    product->gap = true;
    add(&product->before, &level->by, 1);
    add(&product->before, effect, -1);
}

static void judge_pair(struct check *check, struct product *product, const struct level *level,
                       const struct change *change)
{
    const struct amounts effect = effect_of(change);
    bool is_receipt = change->type == EVENT_STOCK_RECEIVED;
    char place[CHECK_SUBJECT_SIZE];

    level_place(level, place);
    CHECK_THAT(check, level->derived, 5, product->id, "%s: its id does not follow from its cause",
               place);
    CHECK_THAT(check, memcmp(level->correlation, change->correlation, UUID_BYTES) == 0, 6,
               product->id, "%s correlates otherwise than its cause", place);
    if (may_stand_for_more(check, level) && !equals(&level->by, &effect)) {
        keep_gap(product, level, &effect);
        return;
    }
    CHECK_THAT(check, equals(&level->by, &effect), 2, product->id,
               "%s changes on_hand, reserved, available by %" PRId64 ", %" PRId64 ", %" PRId64
               ", and its cause by %" PRId64 ", %" PRId64 ", %" PRId64,
               place, level->by.on_hand, level->by.reserved, level->by.available, effect.on_hand,
               effect.reserved, effect.available);
    /* The receipt before a first level may have been counted in a level that is gone. */
    if (is_receipt || !level->first)
        CHECK_THAT(check, level->receipt == (is_receipt ? change->offset : level->receipt_before),
                   2, product->id, "%s: its last receipt is %" PRId64, place, level->receipt);
}

static void judge_level_without_change(struct check *check, struct product *product,
                                       const struct level *level)
{
    const struct amounts none = {0};
    char place[CHECK_SUBJECT_SIZE];

    if (level->young || level->timestamp_ms - HORIZON_SLACK_MS < check->horizon_all_ms) {
        product->unknown = true;
        keep_gap(product, level, &none);
    } else {
        check_report(check, 5, product->id, "%s: no event of its cause concerns this product",
                     level_place(level, place));
    }
}

static void judge_levels(struct check *check, const struct group *group)
{
    char place[CHECK_SUBJECT_SIZE];

    if (group->level_count > 1)
        check_report(check, 5, group->product->id, "%s: its cause has moved this level before",
                     level_place(&group->levels[group->level_count - 1], place));
    else if (group->change_count > 1)
        check_report(check, 5, group->product->id, "%s moves this level a second time",
                     change_place(&group->changes[group->change_count - 1], place));
    else if (group->level_count == 1 && group->change_count == 1)
        judge_pair(check, group->product, group->levels, group->changes);
    else if (group->level_count == 1)
        judge_level_without_change(check, group->product, group->levels);
}

/* After all levels were judged: only now is known which products have a gap. */
static void judge_change_without_level(struct check *check, const struct group *group)
{
    const struct change *change = group->changes;
    struct product *product = group->product;
    bool not_yet = change->type == EVENT_STOCK_RECEIVED && !check->config.final &&
                   change->offset > product->last_receipt;
    const struct amounts effect = effect_of(change);
    char place[CHECK_SUBJECT_SIZE];

    if (not_yet)
        return;
    product->unknown = product->unknown || change->young;
    add(&product->missing, &effect, 1);
    CHECK_THAT(check, product->gap || change->young, 5, product->id,
               "no level stands beside %s at %s", event_type_name((enum event_type)change->type),
               change_place(change, place));
}

/* --- all groups */

typedef void group_function(struct check *check, const struct group *group);

/* Both lists are sorted. */
static void for_each_group(struct check *check, group_function *judge)
{
    const struct level *level = check->levels.items, *levels_end = level + check->levels.count;
    const struct change *change = check->changes.items;
    const struct change *changes_end = change + check->changes.count;
    struct product *products = check->products.items;

    while (level < levels_end || change < changes_end) {
        struct group group = {.levels = level, .changes = change};
        bool has_level = level < levels_end;
        const uint8_t *cause = has_level ? level->cause : change->cause;
        uint32_t product = has_level ? level->product : change->product;

        if (has_level && change < changes_end &&
            compare(change->cause, change->product, cause, product) < 0) {
            cause = change->cause;
            product = change->product;
        }
        while (level < levels_end && compare(level->cause, level->product, cause, product) == 0)
            level++, group.level_count++;
        while (change < changes_end && compare(change->cause, change->product, cause, product) == 0)
            change++, group.change_count++;
        group.product = &products[product];
        judge(check, &group);
    }
}

static void judge_changes(struct check *check, const struct group *group)
{
    if (group->level_count == 0 && group->change_count == 1)
        judge_change_without_level(check, group);
}

static void judge_product(struct check *check, const struct product *product)
{
    bool rests = check->config.final && check->counts.open == 0;

    CHECK_THAT(check,
               product->unknown || !product->gap || equals(&product->before, &product->missing), 2,
               product->id, "what came before its first level does not add up to it");
    CHECK_THAT(check, !rests || product->level.reserved == 0, 2, product->id,
               "%" PRId64 " are reserved, and no order is open", product->level.reserved);
}

static void sort(struct list *list, size_t size, int (*order)(const void *, const void *))
{
    if (list->count > 0)
        qsort(list->items, list->count, size, order);
}

void check_stock(struct check *check)
{
    struct product *products = check->products.items;

    sort(&check->levels, sizeof(struct level), compare_levels);
    sort(&check->changes, sizeof(struct change), compare_changes);
    for_each_group(check, judge_levels);
    for_each_group(check, judge_changes);
    for (size_t i = 0; i < check->products.count; i++)
        judge_product(check, &products[i]);
}

/* --- refusals */

const char *stock_refusal_fault(const struct check *check, const struct fact *paid,
                                const struct fact *failed)
{
    const struct wanted *wanted = check->wanted.items;
    const struct product *products = check->products.items;
    bool out_of_stock = failed->reason == digest_text(0, "out_of_stock");
    bool unknown_product = failed->reason == digest_text(0, "unknown_product");

    if (!out_of_stock && !unknown_product)
        return "it gives no reason that inventory may have";
    for (uint32_t i = paid->wanted; i < paid->wanted + paid->wanted_count; i++) {
        const struct product *product = &products[wanted[i].product];
        bool was_known = product->level_count > 0 && product->first_ms < failed->timestamp_ms;
        /* Of a first level that stands for more, it is not known what was before. */
        bool was_short = product->level_count > 0 && (product->available_min < wanted[i].quantity ||
                                                      product->first_ms > failed->timestamp_ms);

        if (out_of_stock ? was_short : !was_known)
            return NULL;
    }
    return out_of_stock ? "each of its products was there in plenty all the time"
                        : "each of its products was known";
}

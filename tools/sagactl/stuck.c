/*
 * stuck.c - `sagactl stuck`: orders that have had no event for a while and are not at their end,
 * and which service owes them one.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "tools/sagactl/array.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/document.h"
#include "tools/sagactl/number.h"
#include "tools/sagactl/orders_read.h"
#include "tools/sagactl/table.h"

#define FOR_S_DEFAULT 60
#define FOR_S_MAX (7 * 24 * 3600)
/* Orders in a table for people; the summary counts all. */
#define SHOWN_MAX 1000
#define NUMBER_SIZE 24
/* Those of topics.json, and one to spare. */
#define SERVICES_MAX 8

/* An order that has stopped. Pointers are borrowed from the orders. */
struct row {
    const char *order_id;
    enum order_status status;
    int64_t silent_ms;
    size_t next_count;
    struct order_next next[ORDER_NEXT_MAX];
};

struct stuck {
    int64_t now_ms, for_ms;
    size_t count, capacity;
    struct row *rows;
};

/* Orders that wait for a service. */
struct tally {
    const char *service;
    size_t count;
};

static void stuck_done(struct stuck *stuck)
{
    free(stuck->rows);
}

/* Without progress: that somebody asks again is none. */
static int64_t silent_ms(const struct order_view *view, int64_t now_ms)
{
    if (view->updated_at_ms > 0)
        return now_ms - view->updated_at_ms;
    return now_ms - view->steps[0].entry->event->timestamp_ms;
}

/* An order of which only a part is left in the topics may wait for nothing. */
static bool is_stuck(const struct stuck *stuck, const struct order_view *view)
{
    return !order_view_is_final(view) && silent_ms(view, stuck->now_ms) >= stuck->for_ms &&
           view->next_count > 0 && view->next[0].after != NULL;
}

static int add_order(void *context, const char *order_id, const struct order_view *view,
                     size_t left_out, struct error *err)
{
    struct stuck *stuck = context;
    struct row *rows;

    (void)left_out;
    if (!is_stuck(stuck, view))
        return 0;
    rows = array_grow(stuck->rows, stuck->count, &stuck->capacity, sizeof(*rows), err);
    if (rows == NULL)
        return -ENOMEM;
    stuck->rows = rows;

    struct row *row = &rows[stuck->count++];

    *row = (struct row){
        .order_id = order_id,
        .status = view->status,
        .silent_ms = silent_ms(view, stuck->now_ms),
        .next_count = view->next_count,
    };
    memcpy(row->next, view->next, sizeof(row->next));
    return 0;
}

static int compare_longest(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->silent_ms != y->silent_ms)
        return x->silent_ms > y->silent_ms ? -1 : 1;
    return strcmp(x->order_id, y->order_id);
}

static int add_cells(struct table *table, const struct row *row, const struct order_next *next,
                     int64_t now_ms, struct error *err)
{
    char silent[NUMBER_SIZE], waiting[NUMBER_SIZE];

    snprintf(silent, sizeof(silent), "%" PRId64, row->silent_ms / 1000);
    snprintf(waiting, sizeof(waiting), "%" PRId64, order_next_age(next, now_ms) / 1000);

    const char *cells[] = {row->order_id,
                           order_status_name(row->status),
                           silent,
                           next->service,
                           waiting,
                           event_type_name(next->type),
                           event_type_name(next->after->type)};

    return table_add(table, cells, err);
}

/* A line for each event that a service owes: what is to follow upon that is left out. */
static int add_row(struct table *table, const struct row *row, int64_t now_ms, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < row->next_count && row->next[i].after != NULL; i++)
        r = add_cells(table, row, &row->next[i], now_ms, err);
    return r;
}

static void count_service(struct tally tallies[SERVICES_MAX], const char *service)
{
    size_t i = 0;

    while (tallies[i].service != NULL && !str_equal(tallies[i].service, service))
        i++;
    assert(i < SERVICES_MAX - 1);
    tallies[i].service = service;
    tallies[i].count++;
}

/* "stuck: 12 orders; waiting for payment: 12, shipping: 3". In a race, an order is owed two. */
static void print_summary(const struct stuck *stuck)
{
    struct tally tallies[SERVICES_MAX] = {{NULL, 0}};

    for (size_t i = 0; i < stuck->count; i++) {
        const struct row *row = &stuck->rows[i];

        for (size_t n = 0; n < row->next_count && row->next[n].after != NULL; n++)
            if (n == 0 || !str_equal(row->next[n].service, row->next[n - 1].service))
                count_service(tallies, row->next[n].service);
    }
    printf("stuck: %zu orders", stuck->count);
    for (size_t i = 0; tallies[i].service != NULL; i++)
        printf("%s %s: %zu", i == 0 ? "; waiting for" : ",", tallies[i].service, tallies[i].count);
    if (stuck->count > SHOWN_MAX)
        printf("; the first %d are shown", SHOWN_MAX);
    putchar('\n');
}

static int print_table(const struct stuck *stuck, struct error *err)
{
    static const struct table_column columns[] = {
        {"ORDER", false},    {"STATUS", false},        {"SILENT S", true}, {"SERVICE", false},
        {"WAITING S", true}, {"STILL TO COME", false}, {"AFTER", false}};
    CLEANUP(table_cleanup) struct table *table = NULL;
    int r = table_new(columns, ARRAY_LEN(columns), &table, err);

    for (size_t i = 0; r == 0 && i < stuck->count && i < SHOWN_MAX; i++)
        r = add_row(table, &stuck->rows[i], stuck->now_ms, err);
    if (r < 0)
        return r;
    if (stuck->count > 0) {
        table_print(table, stdout);
        putchar('\n');
    }
    print_summary(stuck);
    return 0;
}

static json_t *row_document(const struct row *row, int64_t now_ms)
{
    return json_pack("{ss ss sI so}", "order_id", row->order_id, "status",
                     order_status_name(row->status), "silent_ms", (json_int_t)row->silent_ms,
                     "next", document_next(row->next, row->next_count, now_ms));
}

static int print_json(const struct stuck *stuck, struct error *err)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < stuck->count; i++)
        if (json_array_append_new(rows, row_document(&stuck->rows[i], stuck->now_ms)) != 0) {
            json_decref(rows);
            return document_print(NULL, stdout, err);
        }
    return document_print(json_pack("{so}", "orders", rows), stdout, err);
}

static enum exit_code find_stuck(const struct invocation *in, struct stuck *stuck,
                                 struct error *err)
{
    CLEANUP(cluster_close) struct cluster cluster = {0};
    CLEANUP(orders_done) struct orders orders = {0};
    int r;

    if (cluster_open_consumer(in->settings, &cluster, err) < 0)
        return EXIT_CODE_USAGE;
    stuck->now_ms = clock_utc_ms();
    r = orders_read_all(&cluster, &orders, err);
    if (r == 0)
        r = orders_each(&orders, add_order, stuck, err);
    if (r < 0)
        return EXIT_CODE_FAILED;
    if (stuck->count > 0)
        qsort(stuck->rows, stuck->count, sizeof(*stuck->rows), compare_longest);
    r = in->options[STUCK_JSON] != NULL ? print_json(stuck, err) : print_table(stuck, err);
    return r < 0 || stuck->count > 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

enum exit_code stuck(const struct invocation *in, struct error *err)
{
    CLEANUP(stuck_done) struct stuck stuck = {0};
    int64_t for_s = FOR_S_DEFAULT;

    if (in->options[STUCK_FOR] != NULL &&
        number_parse(in->options[STUCK_FOR], 0, FOR_S_MAX, &for_s, err) < 0)
        return EXIT_CODE_USAGE;
    stuck.for_ms = for_s * 1000;
    return find_stuck(in, &stuck, err);
}

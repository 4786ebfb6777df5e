/* order_list.c - `sagactl order list`: how the orders stand, the newest first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/event/money.h"
#include "tools/sagactl/array.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/document.h"
#include "tools/sagactl/number.h"
#include "tools/sagactl/orders_read.h"
#include "tools/sagactl/table.h"

#define LIMIT_DEFAULT 50
/* "123456.78 EUR" and NUL. */
#define TOTAL_SIZE (MONEY_SIZE + 4)

/* All pointers are borrowed from the orders. */
struct row {
    const char *order_id, *reason;
    const struct order_placed *placed;
    enum order_status status;
    int64_t placed_at_ms, updated_at_ms;
};

struct list {
    enum order_status status; /* ORDER_UNKNOWN: any */
    const char *customer_id;  /* NULL: any */
    int64_t limit;
    size_t count, capacity;
    struct row *rows;
};

static void list_done(struct list *list)
{
    free(list->rows);
}

static bool is_wanted(const struct list *list, const struct order_view *view)
{
    return view->placed != NULL &&
           (list->status == ORDER_UNKNOWN || list->status == view->status) &&
           (list->customer_id == NULL || str_equal(list->customer_id, view->placed->customer_id));
}

static int add_row(void *context, const char *order_id, const struct order_view *view,
                   size_t left_out, struct error *err)
{
    struct list *list = context;
    struct row *rows;

    (void)left_out;
    if (!is_wanted(list, view))
        return 0;
    rows = array_grow(list->rows, list->count, &list->capacity, sizeof(*rows), err);
    if (rows == NULL)
        return -ENOMEM;
    list->rows = rows;
    list->rows[list->count++] = (struct row){
        .order_id = order_id,
        .reason = view->reason,
        .placed = view->placed,
        .status = view->status,
        .placed_at_ms = view->placed_at_ms,
        .updated_at_ms = view->updated_at_ms,
    };
    return 0;
}

/* As the order service's list has them: by time, then by id. */
static int compare_newest(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->placed_at_ms != y->placed_at_ms)
        return x->placed_at_ms > y->placed_at_ms ? -1 : 1;
    return strcmp(y->order_id, x->order_id);
}

static int add_cells(struct table *table, const struct row *row, struct error *err)
{
    char placed[TIMESTAMP_SIZE], amount[MONEY_SIZE], total[TOTAL_SIZE];

    timestamp_format(row->placed_at_ms, placed);
    money_format(row->placed->total_amount_minor, amount);
    snprintf(total, sizeof(total), "%s %.3s", amount, row->placed->currency);

    const char *cells[] = {placed,
                           row->order_id,
                           order_status_name(row->status),
                           row->placed->customer_id,
                           total,
                           row->reason != NULL ? row->reason : ""};

    return table_add(table, cells, err);
}

static int print_table(const struct list *list, size_t shown, struct error *err)
{
    static const struct table_column columns[] = {
        {"PLACED", false},   {"ORDER", false}, {"STATUS", false},
        {"CUSTOMER", false}, {"TOTAL", true},  {"REASON", false},
    };
    CLEANUP(table_cleanup) struct table *table = NULL;
    int r = table_new(columns, ARRAY_LEN(columns), &table, err);

    for (size_t i = 0; r == 0 && i < shown; i++)
        r = add_cells(table, &list->rows[i], err);
    if (r < 0)
        return r;
    table_print(table, stdout);
    printf("\norders: %zu", list->count);
    if (shown < list->count)
        printf(", the newest %zu are shown", shown);
    putchar('\n');
    return 0;
}

static json_t *row_document(const struct row *row)
{
    return json_pack("{ss ss ss so so ss so so}", "order_id", row->order_id, "customer_id",
                     row->placed->customer_id, "status", order_status_name(row->status), "reason",
                     document_text(row->reason), "total_amount",
                     document_money(row->placed->total_amount_minor), "currency",
                     row->placed->currency, "placed_at", document_time(row->placed_at_ms),
                     "updated_at", document_time(row->updated_at_ms));
}

static int print_json(const struct list *list, size_t shown, struct error *err)
{
    json_t *rows = json_array();
    int r = 0;

    for (size_t i = 0; r == 0 && i < shown; i++)
        r = json_array_append_new(rows, row_document(&list->rows[i]));
    if (r != 0) {
        json_decref(rows);
        rows = NULL;
    }
    return document_print(json_pack("{so sI}", "orders", rows, "count", (json_int_t)list->count),
                          stdout, err);
}

static int find_status(const char *name, enum order_status *ret, struct error *err)
{
    for (enum order_status status = ORDER_UNKNOWN + 1; status <= ORDER_CANCELLED; status++)
        if (str_equal(order_status_name(status), name)) {
            *ret = status;
            return 0;
        }
    return error_set(err, -EINVAL,
                     "'%s' is no status: placed, paid, reserved, shipped, completed, cancelling "
                     "and cancelled are",
                     name);
}

static int read_options(const struct invocation *in, struct list *list, struct error *err)
{
    const char *status = in->options[ORDER_LIST_STATUS], *limit = in->options[ORDER_LIST_LIMIT];
    int r = status != NULL ? find_status(status, &list->status, err) : 0;

    list->customer_id = in->options[ORDER_LIST_CUSTOMER];
    list->limit = LIMIT_DEFAULT;
    if (r == 0 && limit != NULL)
        r = number_parse(limit, 1, TABLE_ROWS_MAX, &list->limit, err);
    return r;
}

enum exit_code order_list(const struct invocation *in, struct error *err)
{
    CLEANUP(cluster_close) struct cluster cluster = {0};
    CLEANUP(orders_done) struct orders orders = {0};
    CLEANUP(list_done) struct list list = {0};
    size_t shown;
    int r;

    if (read_options(in, &list, err) < 0 || cluster_open_consumer(in->settings, &cluster, err) < 0)
        return EXIT_CODE_USAGE;
    r = orders_read_all(&cluster, &orders, err);
    if (r == 0)
        r = orders_each(&orders, add_row, &list, err);
    if (r < 0)
        return EXIT_CODE_FAILED;
    if (list.count > 0)
        qsort(list.rows, list.count, sizeof(*list.rows), compare_newest);
    shown = list.count < (size_t)list.limit ? list.count : (size_t)list.limit;
    r = in->options[ORDER_LIST_JSON] != NULL ? print_json(&list, shown, err)
                                             : print_table(&list, shown, err);
    return r < 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

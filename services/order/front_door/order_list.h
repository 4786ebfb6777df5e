/*
 * order_list.h - pages of orders, newest first: which ones are asked for, and how a page looks.
 * Knows no store and no HTTP request: order_reads.c brings them together.
 *
 * A page goes on strictly behind the last order of the one before, by time and id, so orders that
 * arrive meanwhile move nothing. A status is found by looking: a page may be short, and even empty,
 * with more behind it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/event/order_view.h"
#include "services/order/read_side/history_scan.h"

#define LIST_LIMIT_DEFAULT 20
#define LIST_LIMIT_MAX 100
/* Orders that are looked at for one page: about 10 ms, in which nobody else is served. */
#define LIST_SCAN_MAX 300

/* What follows "/v1/orders?" of the next page, and NUL. */
#define LIST_NEXT_SIZE 256

/* The parameters as they came, decoded; NULL: not given. Borrowed for the call. */
struct list_params {
    const char *status, *customer_id, *limit, *cursor;
};

struct list_query {
    enum order_status status; /* ORDER_UNKNOWN: any */
    const char *customer_id;  /* borrowed from the parameters; NULL: any */
    size_t limit;
    struct order_place after;
    const char
        *client_id; /* borrowed; of this client only; NULL: of all. Not from the parameters */
};

/* Returns 0, or -EINVAL with the parameter at fault in `ret_name` (static), and what it must be. */
int list_query_read(const struct list_params *params, struct list_query *ret, const char **ret_name,
                    struct error *err);

struct list_page;

/* NULL: memory is short. `query` is borrowed until list_page_finish(). */
struct list_page *list_page_new(const struct list_query *query);

/* An order_visit: takes the order if it is asked for, and says no when the page is full. */
bool list_page_visit(void *page, const struct order_view *view);

void list_page_free(struct list_page *page); /* NULL is harmless */

/*
 * Ends and frees the page. `last` is where the next one begins; NULL: there is none. Returns its
 * text, owned by the caller, or NULL when memory was short.
 */
char *list_page_finish(struct list_page *page, const struct order_place *last, size_t *ret_len);

/* The query of the page behind `last`: the same filters. */
void list_next(const struct list_params *params, const struct order_place *last,
               char out[LIST_NEXT_SIZE]);

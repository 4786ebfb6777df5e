/* order_list.c - see order_list.h. */
#include "services/order/front_door/order_list.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "services/order/front_door/order_cursors.h"
#include "services/order/front_door/order_json.h"

static_assert(LIST_SCAN_MAX > LIST_LIMIT_MAX && LIST_SCAN_MAX <= ORDER_SCAN_MAX, "a page is found");

static int read_status(const char *text, struct list_query *query, struct error *err)
{
    for (int status = ORDER_PLACED; text != NULL && status <= ORDER_CANCELLED; status++)
        if (str_equal(text, order_status_name((enum order_status)status)))
            query->status = (enum order_status)status;
    return text == NULL || query->status != ORDER_UNKNOWN
               ? 0
               : error_set(err, -EINVAL, "must be the status of an order, as placed or cancelled");
}

/* Digits only; so many that they cannot overflow. */
static int read_limit(const char *text, struct list_query *query, struct error *err)
{
    size_t len;

    if (text == NULL)
        return 0;
    len = strlen(text);
    if (len > 0 && len <= 3 && strspn(text, "0123456789") == len)
        query->limit = (size_t)strtoul(text, NULL, 10);
    else
        query->limit = 0;
    return query->limit >= 1 && query->limit <= LIST_LIMIT_MAX
               ? 0
               : error_set(err, -EINVAL, "must be a number 1..%d", LIST_LIMIT_MAX);
}

static int read_cursor(const char *text, struct list_query *query, struct error *err)
{
    if (text == NULL || page_cursor_parse(text, &query->after.placed_at_ms, query->after.order_id))
        return 0;
    return error_set(err, -EINVAL, "must be a cursor as a page gave it");
}

static int read_customer(const char *text, struct list_query *query, struct error *err)
{
    query->customer_id = text;
    return text != NULL ? event_text_check(EVENT_ORDER_PLACED, "customer_id", text, err) : 0;
}

int list_query_read(const struct list_params *params, struct list_query *ret, const char **ret_name,
                    struct error *err)
{
    const struct {
        const char *name, *text;
        int (*read)(const char *text, struct list_query *query, struct error *err);
    } readers[] = {
        {"status", params->status, read_status},
        {"customer_id", params->customer_id, read_customer},
        {"limit", params->limit, read_limit},
        {"cursor", params->cursor, read_cursor},
    };
    struct list_query query = {.limit = LIST_LIMIT_DEFAULT};

    for (size_t i = 0; i < ARRAY_LEN(readers); i++)
        if (readers[i].read(readers[i].text, &query, err) < 0) {
            *ret_name = readers[i].name;
            return -EINVAL;
        }
    *ret = query;
    return 0;
}

/* Every parameter that was accepted is one of letters, digits and "._:-": nothing to be encoded. */
void list_next(const struct list_params *params, const struct order_place *last,
               char out[LIST_NEXT_SIZE])
{
    const char *const kept[][2] = {
        {"status", params->status}, {"customer_id", params->customer_id}, {"limit", params->limit}};
    char cursor[PAGE_CURSOR_SIZE];
    size_t used = 0;

    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (kept[i][1] != NULL)
            used += (size_t)snprintf(out + used, LIST_NEXT_SIZE - used, "%s=%s&", kept[i][0],
                                     kept[i][1]);
    page_cursor_format(last->placed_at_ms, last->order_id, cursor);
    used += (size_t)snprintf(out + used, LIST_NEXT_SIZE - used, "cursor=%s", cursor);
    assert(used < LIST_NEXT_SIZE);
}

/* -------------------------------------------------------------------------------- the page */

struct list_page {
    const struct list_query *query;
    size_t count;
    bool failed;
    FILE *stream; /* into the two below */
    char *text;
    size_t len;
};

struct list_page *list_page_new(const struct list_query *query)
{
    struct list_page *page = calloc(1, sizeof(*page));

    if (page == NULL)
        return NULL;
    page->query = query;
    page->stream = open_memstream(&page->text, &page->len);
    if (page->stream == NULL) {
        free(page);
        return NULL;
    }
    fputs("{\"orders\":[", page->stream);
    return page;
}

bool list_page_visit(void *context, const struct order_view *view)
{
    struct list_page *page = context;
    char *text;

    if (page->count == page->query->limit || page->failed)
        return false;
    if (page->query->status != ORDER_UNKNOWN && page->query->status != view->status)
        return true;
    if (page->query->client_id != NULL &&
        !str_equal(page->query->client_id, view->placed->client_id))
        return true;
    text = order_json(view, &(size_t){0});
    page->failed =
        text == NULL || fprintf(page->stream, "%s%s", page->count > 0 ? "," : "", text) < 0;
    page->count++;
    free(text);
    return !page->failed;
}

/* Closing the stream is what makes its text ours. False: something could not be written. */
static bool close_stream(struct list_page *page)
{
    bool written = !page->failed && ferror(page->stream) == 0;

    return fclose(page->stream) == 0 && written;
}

void list_page_free(struct list_page *page)
{
    if (page == NULL)
        return;
    (void)close_stream(page); /* nobody wants it any more */
    free(page->text);
    free(page);
}

char *list_page_finish(struct list_page *page, const struct order_place *last, size_t *ret_len)
{
    char cursor[PAGE_CURSOR_SIZE], *text;

    if (last != NULL) {
        page_cursor_format(last->placed_at_ms, last->order_id, cursor);
        fprintf(page->stream, "],\"next\":\"%s\"}", cursor);
    } else {
        fputs("],\"next\":null}", page->stream);
    }
    if (!close_stream(page)) {
        free(page->text);
        page->text = NULL;
    }
    text = page->text;
    *ret_len = page->len;
    free(page);
    return text;
}

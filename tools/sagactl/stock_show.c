/* stock_show.c - `sagactl stock show`: what is on hand, reserved and available of each product. */
#include <errno.h>
#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/document.h"
#include "tools/sagactl/log_read.h"
#include "tools/sagactl/stock_levels.h"
#include "tools/sagactl/table.h"

#define NUMBER_SIZE 24

struct reading {
    struct codec *codec;
    struct stock_levels *levels; /* borrowed */
    struct event event;          /* the one being looked at */
};

static int take_level(void *context, const struct log_record *record, struct error *err)
{
    struct reading *reading = context;

    if (!log_record_event(record, reading->codec, &reading->event))
        return 0;
    return stock_levels_add(reading->levels, &reading->event, record->message->offset, err);
}

static int read_levels(struct cluster *cluster, struct stock_levels *ret, struct error *err)
{
    static const enum topic topics[] = {TOPIC_STOCK};
    CLEANUP(codec_cleanup) struct codec *codec = NULL;
    int r = codec_new(&codec, err);
    struct reading reading = {.codec = codec, .levels = ret};
    const struct log_request request = {
        .topics = topics,
        .topic_count = ARRAY_LEN(topics),
        .on_record = take_level,
        .context = &reading,
    };

    if (r == 0)
        r = log_read(cluster, &request, err);
    if (r == 0)
        stock_levels_settle(ret);
    return r;
}

/* Leaves those that were asked for, in the order of the command line; a missing one is an error. */
static int select_products(const struct invocation *in, const struct stock_levels *levels,
                           struct stock_levels *ret, struct error *err)
{
    if (in->argument_count == 0)
        return 0;
    ret->list = calloc(in->argument_count, sizeof(*ret->list));
    if (ret->list == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < in->argument_count; i++) {
        const struct stock_level *found = stock_levels_find(levels, in->arguments[i]);

        if (found == NULL)
            return error_set(err, -ENOENT, "there is no product '%s' in stock", in->arguments[i]);
        ret->list[ret->count++] = *found;
    }
    return 0;
}

static int add_cells(struct table *table, const struct stock_level *level, struct error *err)
{
    const struct stock_level_changed *data = &level->data;
    char on_hand[NUMBER_SIZE], reserved[NUMBER_SIZE], available[NUMBER_SIZE], time[TIMESTAMP_SIZE];

    snprintf(on_hand, sizeof(on_hand), "%" PRId64, data->on_hand);
    snprintf(reserved, sizeof(reserved), "%" PRId64, data->reserved);
    snprintf(available, sizeof(available), "%" PRId64, data->available);
    timestamp_format(level->changed_at_ms, time);

    const char *cells[] = {data->product_id, on_hand, reserved, available, time};

    return table_add(table, cells, err);
}

static int print_table(const struct stock_levels *levels, struct error *err)
{
    static const struct table_column columns[] = {{"PRODUCT", false},
                                                  {"ON HAND", true},
                                                  {"RESERVED", true},
                                                  {"AVAILABLE", true},
                                                  {"CHANGED", false}};
    CLEANUP(table_cleanup) struct table *table = NULL;
    int r = table_new(columns, ARRAY_LEN(columns), &table, err);

    for (size_t i = 0; r == 0 && i < levels->count && i < TABLE_ROWS_MAX; i++)
        r = add_cells(table, &levels->list[i], err);
    if (r < 0)
        return r;
    table_print(table, stdout);
    if (levels->count > TABLE_ROWS_MAX)
        printf("\nproducts: %zu, the first %d are shown\n", levels->count, TABLE_ROWS_MAX);
    return 0;
}

/* As GET /v1/stock/{product_id} has it. */
static json_t *level_document(const struct stock_level *level)
{
    return json_pack("{ss sI sI sI so}", "product_id", level->data.product_id, "on_hand",
                     (json_int_t)level->data.on_hand, "reserved", (json_int_t)level->data.reserved,
                     "available", (json_int_t)level->data.available, "updated_at",
                     document_time(level->changed_at_ms));
}

static int print_json(const struct stock_levels *levels, struct error *err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < levels->count; i++)
        if (json_array_append_new(list, level_document(&levels->list[i])) != 0) {
            json_decref(list);
            return document_print(NULL, stdout, err);
        }
    return document_print(json_pack("{so}", "stock", list), stdout, err);
}

enum exit_code stock_show(const struct invocation *in, struct error *err)
{
    CLEANUP(cluster_close) struct cluster cluster = {0};
    CLEANUP(stock_levels_done) struct stock_levels levels = {0}, selected = {0};
    const struct stock_levels *shown = in->argument_count > 0 ? &selected : &levels;
    int r;

    if (cluster_open_consumer(in->settings, &cluster, err) < 0)
        return EXIT_CODE_USAGE;
    r = read_levels(&cluster, &levels, err);
    if (r == 0)
        r = select_products(in, &levels, &selected, err);
    if (r == 0)
        r = in->options[STOCK_SHOW_JSON] != NULL ? print_json(shown, err) : print_table(shown, err);
    return r < 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

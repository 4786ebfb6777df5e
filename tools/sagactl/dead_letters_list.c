/* dead_letters_list.c - `sagactl dead-letters list`: what the services refused, and what became of
   it. */
#include <errno.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/document.h"
#include "tools/sagactl/letter_json.h"
#include "tools/sagactl/letters.h"
#include "tools/sagactl/table.h"

/* Bytes of a cell, beyond which it is cut. */
#define CELL_SIZE 200
/* Letters of one list; more are told of. */
#define LIST_MAX TABLE_ROWS_MAX

static const struct table_column columns[] = {
    {"ID", false},  {"STATE", false},  {"REFUSED AT", false}, {"EVENT", false},
    {"KEY", false}, {"ORIGIN", false}, {"CAUSE", false},
};

struct listing {
    bool all; /* those that are done with, too */
    struct table *table;
    json_t *list; /* instead of the table; NULL: for people */
    size_t count, left_out;
};

static const char *origin_text(const struct letter *letter, char out[CELL_SIZE])
{
    char topic[CELL_SIZE / 2], partition[CELL_SIZE / 4], offset[CELL_SIZE / 4];

    snprintf(out, CELL_SIZE, "%s/%s/%s", bytes_text(letter->topic, topic, sizeof(topic)),
             bytes_text(letter->partition, partition, sizeof(partition)),
             bytes_text(letter->offset, offset, sizeof(offset)));
    return out;
}

static int add_row(struct listing *listing, const struct letter *letter, enum letter_state state,
                   struct error *err)
{
    char id[LETTER_ID_SIZE], time[TIMESTAMP_SIZE], type[CELL_SIZE], key[CELL_SIZE],
        origin[CELL_SIZE], cause[CELL_SIZE];

    letter_id_format(&letter->id, id);
    timestamp_format(letter->time_ms > 0 ? letter->time_ms : 0, time);
    return table_add(listing->table,
                     (const char *[]){id, letter_state_name(state), time,
                                      bytes_text(letter->type, type, sizeof(type)),
                                      bytes_text(letter->key, key, sizeof(key)),
                                      origin_text(letter, origin),
                                      bytes_text(letter->cause, cause, sizeof(cause))},
                     err);
}

static int on_letter(void *context, const struct letter *letter,
                     const struct resolution *resolution, struct error *err)
{
    struct listing *listing = context;

    if (resolution != NULL && !listing->all)
        return 0;
    if (listing->count >= LIST_MAX) {
        listing->left_out++;
        return 0;
    }
    listing->count++;
    if (listing->list == NULL)
        return add_row(listing, letter, resolution != NULL ? resolution->state : LETTER_OPEN, err);
    if (json_array_append_new(listing->list, letter_json(letter, resolution)) < 0)
        return error_set(err, -ENOMEM, "out of memory");
    return 0;
}

static int print(struct listing *listing, struct error *err)
{
    int r = 0;

    if (listing->list != NULL)
        r = document_print(json_pack("{s:O}", "dead_letters", listing->list), stdout, err);
    else if (listing->count > 0)
        table_print(listing->table, stdout);
    else
        printf("no %sdead letters\n", listing->all ? "" : "open ");
    if (r == 0 && listing->left_out > 0)
        return error_set(err, -E2BIG,
                         "%zu more are not shown: narrow it down with --service, --cause",
                         listing->left_out);
    return r;
}

static enum exit_code list(const struct invocation *in, struct selection *selection,
                           struct error *err)
{
    CLEANUP(table_cleanup) struct table *table = NULL;
    CLEANUP(json_cleanup) json_t *array = NULL;
    CLEANUP(cluster_close) struct cluster cluster = {0};
    struct listing listing = {.all = in->options[DEAD_LETTERS_LIST_ALL] != NULL};

    if (cluster_open_consumer(in->settings, &cluster, err) < 0)
        return EXIT_CODE_USAGE;
    if (table_new(columns, sizeof(columns) / sizeof(columns[0]), &table, err) < 0)
        return EXIT_CODE_FAILED;
    if (in->options[DEAD_LETTERS_LIST_JSON] != NULL)
        array = json_array();
    listing.table = table;
    listing.list = array;
    if (letters_look(&cluster, selection, on_letter, &listing, err) < 0)
        return EXIT_CODE_FAILED;
    return print(&listing, err) < 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

enum exit_code dead_letters_list(const struct invocation *in, struct error *err)
{
    CLEANUP(selection_done) struct selection selection = {0};

    if (selection_read(in, in->options[DEAD_LETTERS_LIST_SERVICE],
                       in->options[DEAD_LETTERS_LIST_CAUSE], &selection, err) < 0)
        return EXIT_CODE_USAGE;
    return list(in, &selection, err);
}

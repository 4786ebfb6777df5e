/* table.c - see table.h. */
#include "tools/sagactl/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_GAP "  "

struct table {
    struct table_column columns[TABLE_COLUMNS_MAX];
    size_t widths[TABLE_COLUMNS_MAX]; /* in code points */
    size_t column_count;
    size_t row_count, row_capacity;
    char **cells; /* row by row */
};

/* Code points: all bytes but the continuations of UTF-8. */
static size_t text_width(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++)
        if (((unsigned char)*text & 0xc0) != 0x80)
            width++;
    return width;
}

/* Control characters: ASCII's, and U+0080..U+009F, which are C2 80..9F in UTF-8. */
static void neutralise(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++) {
        bool is_c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;

        if (*p < ' ' || *p == 0x7f)
            *p = '?';
        else if (is_c1)
            memset(p, '?', 2);
    }
}

int table_new(const struct table_column *columns, size_t column_count, struct table **ret,
              struct error *err)
{
    struct table *table = calloc(1, sizeof(*table));

    assert(column_count > 0 && column_count <= TABLE_COLUMNS_MAX);
    if (table == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    table->column_count = column_count;
    for (size_t i = 0; i < column_count; i++) {
        table->columns[i] = columns[i];
        table->widths[i] = text_width(columns[i].heading);
    }
    *ret = table;
    return 0;
}

void table_free(struct table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->row_count * table->column_count; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}

size_t table_row_count(const struct table *table)
{
    return table->row_count;
}

static int reserve_row(struct table *table, struct error *err)
{
    size_t capacity = table->row_capacity > 0 ? table->row_capacity * 2 : 16;

    if (table->row_count >= TABLE_ROWS_MAX)
        return error_set(err, -E2BIG, "more than %d rows", TABLE_ROWS_MAX);
    if (table->row_count < table->row_capacity)
        return 0;

    char **cells = reallocarray(table->cells, capacity, table->column_count * sizeof(*cells));

    if (cells == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    table->cells = cells;
    table->row_capacity = capacity;
    return 0;
}

int table_add(struct table *table, const char *const *cells, struct error *err)
{
    int r = reserve_row(table, err);

    if (r < 0)
        return r;

    char **row = table->cells + table->row_count * table->column_count;

    for (size_t i = 0; i < table->column_count; i++) {
        row[i] = strdup(cells[i]);
        if (row[i] == NULL) {
            while (i > 0)
                free(row[--i]);
            return error_set(err, -ENOMEM, "out of memory");
        }
        neutralise(row[i]);
    }
    for (size_t i = 0; i < table->column_count; i++)
        if (text_width(row[i]) > table->widths[i])
            table->widths[i] = text_width(row[i]);
    table->row_count++;
    return 0;
}

static void print_cell(const struct table *table, size_t column, const char *text, FILE *out)
{
    bool last = column + 1 == table->column_count;
    int padding = (int)(table->widths[column] - text_width(text));

    if (table->columns[column].right)
        fprintf(out, "%*s%s", padding, "", text);
    else
        fprintf(out, "%s%*s", text, last ? 0 : padding, "");
    fputs(last ? "\n" : TABLE_GAP, out);
}

void table_print(const struct table *table, FILE *out)
{
    for (size_t i = 0; i < table->column_count; i++)
        print_cell(table, i, table->columns[i].heading, out);
    for (size_t i = 0; i < table->row_count * table->column_count; i++)
        print_cell(table, i % table->column_count, table->cells[i], out);
}

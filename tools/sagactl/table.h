/*
 * table.h - text in columns, for people. Columns are as wide as their widest cell; the last one is
 * not padded. Cells may come from anywhere: what a terminal would obey is replaced by '?'.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/cleanup.h"
#include "common/base/error.h"

#define TABLE_COLUMNS_MAX 8
#define TABLE_ROWS_MAX 10000

struct table_column {
    const char *heading; /* borrowed until table_free() */
    bool right;          /* numbers: aligned at their end */
};

struct table;

/* `column_count` 1 .. TABLE_COLUMNS_MAX (asserted). `ret` is owned by the caller. 0 or -ENOMEM. */
int table_new(const struct table_column *columns, size_t column_count, struct table **ret,
              struct error *err);
void table_free(struct table *table); /* NULL is harmless */

DEFINE_CLEANUP(table_cleanup, struct table, table_free)

/* One cell per column, copied. Returns 0, -ENOMEM or -E2BIG (TABLE_ROWS_MAX). */
int table_add(struct table *table, const char *const *cells, struct error *err);

size_t table_row_count(const struct table *table);

/* The headings, then the rows. */
void table_print(const struct table *table, FILE *out);

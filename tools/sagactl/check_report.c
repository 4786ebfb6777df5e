/* check_report.c - see check_report.h. */
#include "tools/sagactl/check_report.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "common/base/util.h"
#include "tools/sagactl/table.h"

#define NUMBER_SIZE 16

struct check_report {
    struct table *table;
    json_t *findings;
};

DEFINE_CLEANUP(json_cleanup, json_t, json_decref)

static const struct table_column columns[] = {
    {"INVARIANT", true}, {"WHERE", false}, {"WHAT IS WRONG", false}};

int check_report_new(struct check_report **ret, struct error *err)
{
    CLEANUP(check_report_cleanup) struct check_report *report = calloc(1, sizeof(*report));
    int r;

    if (report == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    report->findings = json_array();
    r = table_new(columns, ARRAY_LEN(columns), &report->table, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(report);
    return 0;
}

void check_report_free(struct check_report *report)
{
    if (report == NULL)
        return;
    table_free(report->table);
    json_decref(report->findings);
    free(report);
}

/* Keys and causes come from anywhere: what is no UTF-8 becomes "?". */
static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);

    return json != NULL ? json : json_string("?");
}

int check_report_add(void *context, const struct check_finding *finding, struct error *err)
{
    struct check_report *report = context;
    char invariant[NUMBER_SIZE];
    const char *const cells[] = {invariant, finding->subject, finding->text};
    json_t *entry;
    int r;

    if (table_row_count(report->table) >= CHECK_FINDINGS_SHOWN_MAX)
        return 0;
    snprintf(invariant, sizeof(invariant), "%d", finding->invariant);
    entry = json_pack("{s:i,s:o,s:o}", "invariant", finding->invariant, "where",
                      text_json(finding->subject), "what", text_json(finding->text));
    r = json_array_append_new(report->findings, entry);
    if (r != 0)
        return error_set(err, -ENOMEM, "out of memory");
    return table_add(report->table, cells, err);
}

static void print_part(size_t count, const char *text, FILE *out)
{
    if (count > 0)
        fprintf(out, ", %zu %s", count, text);
}

int check_report_print_table(const struct check_report *report, const struct check_counts *counts,
                             FILE *out, struct error *err)
{
    size_t shown = table_row_count(report->table);

    (void)err;
    if (shown > 0) {
        table_print(report->table, out);
        if (counts->findings > shown)
            fprintf(out, "... and %zu more\n", counts->findings - shown);
        fputc('\n', out);
    }
    fprintf(out, "%zu orders, %zu final, %zu open", counts->orders, counts->final, counts->open);
    print_part(counts->left_out, "left out (something of them has expired)", out);
    print_part(counts->refused, "records refused", out);
    print_part(counts->unknown, "records of unknown types", out);
    if (counts->findings > 0)
        fprintf(out, ": %zu findings\n", counts->findings);
    else
        fputs(": no findings\n", out);
    return 0;
}

int check_report_print_json(const struct check_report *report, const struct check_counts *counts,
                            FILE *out, struct error *err)
{
    CLEANUP(json_cleanup) json_t *document =
        json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:O}", "orders", (json_int_t)counts->orders,
                  "final", (json_int_t)counts->final, "open", (json_int_t)counts->open, "left_out",
                  (json_int_t)counts->left_out, "refused", (json_int_t)counts->refused,
                  "unknown_types", (json_int_t)counts->unknown, "finding_count",
                  (json_int_t)counts->findings, "findings", report->findings);

    if (document == NULL || json_dumpf(document, out, JSON_INDENT(2)) != 0)
        return error_set(err, -ENOMEM, "cannot write JSON: out of memory");
    fputc('\n', out);
    return 0;
}

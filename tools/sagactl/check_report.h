/* check_report.h - what the check has found, for people and for programs. Knows no broker. */
#pragma once

#include <stdio.h>

#include "tools/sagactl/check_core.h"

/* Findings that are kept; of those beyond only the number is told. */
#define CHECK_FINDINGS_SHOWN_MAX 1000

struct check_report;

/* `ret` is owned by the caller. Returns 0 or -ENOMEM. */
int check_report_new(struct check_report **ret, struct error *err);
void check_report_free(struct check_report *report); /* NULL is harmless */

DEFINE_CLEANUP(check_report_cleanup, struct check_report, check_report_free)

/* A check_finding_function; `context` is the report. */
int check_report_add(void *context, const struct check_finding *finding, struct error *err);

/* Each returns 0 or -ENOMEM. */
int check_report_print_table(const struct check_report *report, const struct check_counts *counts,
                             FILE *out, struct error *err);
int check_report_print_json(const struct check_report *report, const struct check_counts *counts,
                            FILE *out, struct error *err);

/*
 * config.h - settings from the environment, by one table per program.
 *
 * A table row names the variable, its type and range, its default, its unit and one sentence;
 * --help and the documentation are printed from it. Values are read once, at the start.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/error.h"

enum setting_type {
    SETTING_NONE = 0,
    SETTING_TEXT,    /* char[size]; min and max are lengths in bytes */
    SETTING_INTEGER, /* int64_t */
    SETTING_NAME,    /* as text, of [A-Za-z0-9._-] only: safe in topic names, ids and paths */
    SETTING_CHOICE,  /* int64_t: the index in `choices` */
};

struct setting {
    const char *variable;
    enum setting_type type;
    size_t offset;             /* of the member in the program's configuration struct */
    int64_t min, max;          /* of the value, or of the length of a text */
    const char *default_value; /* text, as the user would write it; NULL: empty */
    const char *unit;          /* "ms", "s", "port", "" */
    const char *sentence;
    const char *const *choices; /* NULL-terminated, for SETTING_CHOICE */
};

#define SETTING_OFFSET(type, member) offsetof(type, member)

/*
 * Reads every row's variable, or its default, into `config` (caller's memory).
 * Returns 0, or -EINVAL with a line that names the variable, the value and what was expected.
 */
int config_read(const struct setting *settings, size_t count, void *config, struct error *err);

/* Prints the table for people: variable, default, unit, range, sentence. */
void config_print_help(const struct setting *settings, size_t count, FILE *out);

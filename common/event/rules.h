/*
 * rules.h - what a member may hold, and how a breach is named. Used by decoder and encoder alike,
 * so that what one writes the other reads. Private to common/event.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/event/tables.h"

/* Bytes of a foreign member name that an error line repeats. */
#define PATH_NAME_MAX 64

/* The way from the document to a value; on the stack of those who walk down. */
struct path {
    const struct path *parent; /* NULL: the document itself */
    const char *name;          /* of a member; NULL: an entry of a list */
    size_t index;
};

/* Length in code points, forbidden characters, UTF-8. */
bool text_is_accepted(const struct field *field, const char *text, size_t len);

bool choice_is_accepted(const struct field *field, const char *text, size_t len);

bool number_is_accepted(const struct field *field, int64_t value);

/* "<JSON pointer>: <format...>"; without "<pointer>: " for the whole document. Returns `code`. */
int path_error(const struct path *path, struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

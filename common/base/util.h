/* util.h - the few macros and helpers that every layer uses. Header-only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

static inline bool str_equal(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* Copies a string whose length was already checked against `size`; cuts, never overruns. */
static inline void str_copy(char *to, size_t size, const char *from)
{
    size_t len = strnlen(from, size - 1);

    memcpy(to, from, len);
    to[len] = '\0';
}

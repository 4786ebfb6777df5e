/*
 * error.h - an error is a value: a negative errno as result, and one readable line.
 *
 * Functions that can fail take `struct error *err` last. It is written on failure only, may be
 * NULL, and belongs to the caller. Below main.c and the runtime nobody logs an error.
 */
#pragma once

#define ERROR_TEXT_SIZE 512

struct error {
    char text[ERROR_TEXT_SIZE];
};

/*
 * Writes the line and returns `code`, so that a failure is one statement:
 * return error_set(err, -EINVAL, "quantity must be positive, not %d", quantity);
 */
int error_set(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the line that is already there. Returns `code`. */
int error_prefix(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * log_line.h - the text of one log line. Pure: no I/O, clock or heap. Private to log.c.
 */
#pragma once

#include <stddef.h>

/*
 * Makes a logfmt line that was cut at `len` one that can be read: ends its last text, character and
 * escape. Needs room for one byte more. Returns the new length.
 */
size_t log_line_repair(char *line, size_t len);

/*
 * `line`, pairs of logfmt, as a JSON object. What does not fit into `size`, of which 3 bytes are
 * needed at least, is left out from the first such pair on. Returns the length; there is a NUL.
 */
size_t log_line_to_json(const char *line, char *out, size_t size);

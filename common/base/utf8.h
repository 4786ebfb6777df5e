/* utf8.h - what is UTF-8 (RFC 3629): shortest forms only, no surrogates, nothing above U+10FFFF. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the sequence at `text`, which has `left` of them, at least one; 0 when it is none. */
size_t utf8_sequence(const char *text, size_t left);

bool utf8_is_valid(const char *text, size_t len);

/* order_cursors.c - see order_cursors.h. What was not written here is refused. */
#include "services/order/front_door/order_cursors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"

/* Another layout has another one, so that old texts are refused and not misread. */
#define PAGE_VERSION 1
#define STREAM_VERSION '1'
#define POSITION_SIZE 21 /* "." and a number of 19 digits, and NUL */
#define PAGE_BYTES (1 + 8 + 16)

static const char digits[] = "0123456789abcdef";

void page_cursor_format(int64_t placed_at_ms, const char *order_id, char out[PAGE_CURSOR_SIZE])
{
    uint8_t bytes[PAGE_BYTES] = {PAGE_VERSION};

    for (size_t i = 0; i < 8; i++)
        bytes[1 + i] = (uint8_t)((uint64_t)placed_at_ms >> (8 * (7 - i)));
    uuid_to_bytes(order_id, bytes + 9);
    for (size_t i = 0; i < PAGE_BYTES; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * PAGE_BYTES] = '\0';
}

static bool read_hexadecimal(const char *text, uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < 2 * count; i++) {
        const char *digit = text[i] != '\0' ? strchr(digits, text[i]) : NULL;

        if (digit == NULL)
            return false;
        bytes[i / 2] = (uint8_t)(bytes[i / 2] << 4 | (digit - digits));
    }
    return text[2 * count] == '\0';
}

bool page_cursor_parse(const char *text, int64_t *ret_placed_at_ms, char ret_order_id[UUID_SIZE])
{
    uint8_t bytes[PAGE_BYTES] = {0};
    uint64_t ms = 0;

    if (!read_hexadecimal(text, bytes, PAGE_BYTES) || bytes[0] != PAGE_VERSION)
        return false;
    for (size_t i = 0; i < 8; i++)
        ms = ms << 8 | bytes[1 + i];
    if (ms > INT64_MAX)
        return false;
    *ret_placed_at_ms = (int64_t)ms;
    uuid_from_bytes(bytes + 9, ret_order_id);
    return true;
}

static char *put_row(const int64_t *row, size_t columns, char *out)
{
    size_t used = columns;

    while (used > 0 && row[used - 1] == 0)
        used--;
    for (size_t i = 0; i < used; i++)
        out += snprintf(out, POSITION_SIZE, "%s%" PRId64, i > 0 ? "." : "", row[i]);
    return out;
}

size_t stream_id_format(char kind, const int64_t *positions, size_t rows, size_t columns, char *out)
{
    char *end = out;

    *end++ = kind;
    *end++ = STREAM_VERSION;
    for (size_t i = 0; i < rows; i++) {
        *end++ = i == 0 ? ':' : '/';
        end = put_row(positions + i * columns, columns, end);
    }
    *end = '\0';
    return (size_t)(end - out);
}

/* A number without sign or leading zeros. Moves behind it. */
static bool read_number(const char **text, int64_t *ret)
{
    const char *p = *text;
    int64_t value = 0;

    if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (value > (INT64_MAX - (*p - '0')) / 10)
            return false;
        value = 10 * value + (*p - '0');
    }
    *text = p;
    *ret = value;
    return true;
}

/* What a row has, up to its end or the next one. Moves behind it. */
static bool read_row(const char **text, size_t columns, int64_t *row)
{
    size_t used = 0;

    memset(row, 0, columns * sizeof(*row));
    while (**text != '\0' && **text != '/') {
        if (used == columns || (used > 0 && *(*text)++ != '.') || !read_number(text, &row[used]))
            return false;
        used++;
    }
    return used == 0 || row[used - 1] != 0;
}

bool stream_id_parse(const char *text, char kind, size_t rows, size_t columns, int64_t *ret)
{
    const char *p = text;

    if (*p++ != kind || *p++ != STREAM_VERSION)
        return false;
    for (size_t i = 0; i < rows; i++)
        if (*p++ != (i == 0 ? ':' : '/') || !read_row(&p, columns, ret + i * columns))
            return false;
    return *p == '\0';
}

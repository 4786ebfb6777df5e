/* context.c - see context.h. */
#include "common/trace/context.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/util.h"

/* Where its parts begin. */
#define TRACE_AT 3
#define SPAN_AT 36
#define FLAGS_AT 53
#define LENGTH (TRACEPARENT_SIZE - 1)

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_read(const char *text, size_t count, uint8_t *out)
{
    for (size_t i = 0; i < count; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void hex_write(const uint8_t *bytes, size_t count, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

bool trace_context_read(const char *text, size_t len, struct trace_context *ret)
{
    struct trace_context context;
    uint8_t version;

    if (len < LENGTH || text[TRACE_AT - 1] != '-' || text[SPAN_AT - 1] != '-' ||
        text[FLAGS_AT - 1] != '-')
        return false;
    if (!hex_read(text, 1, &version) ||
        !hex_read(text + TRACE_AT, TRACE_ID_BYTES, context.trace_id) ||
        !hex_read(text + SPAN_AT, SPAN_ID_BYTES, context.span_id) ||
        !hex_read(text + FLAGS_AT, 1, &context.flags))
        return false;
    if (version == 0xff || (len > LENGTH && (version == 0 || text[LENGTH] != '-')))
        return false;
    if (is_zero(context.trace_id, TRACE_ID_BYTES) || is_zero(context.span_id, SPAN_ID_BYTES))
        return false;
    if (version > 0)
        context.flags &= TRACE_SAMPLED;
    *ret = context;
    return true;
}

void trace_context_write(const struct trace_context *context, char out[TRACEPARENT_SIZE])
{
    memcpy(out, "00-", TRACE_AT);
    hex_write(context->trace_id, TRACE_ID_BYTES, out + TRACE_AT);
    out[SPAN_AT - 1] = '-';
    hex_write(context->span_id, SPAN_ID_BYTES, out + SPAN_AT);
    out[FLAGS_AT - 1] = '-';
    hex_write(&context->flags, 1, out + FLAGS_AT);
}

static void random_id(uint8_t *out, size_t count)
{
    ssize_t got = getrandom(out, count, 0);

    assert(got == (ssize_t)count); /* up to 256 bytes it gives all or, before it is seeded, waits */
    out[0] |= is_zero(out, count);
}

void span_id_new(uint8_t out[SPAN_ID_BYTES])
{
    random_id(out, SPAN_ID_BYTES);
}

void trace_context_new(uint8_t flags, struct trace_context *ret)
{
    random_id(ret->trace_id, TRACE_ID_BYTES);
    random_id(ret->span_id, SPAN_ID_BYTES);
    ret->flags = flags;
}

bool traceparent_is_valid(const char *text, size_t len)
{
    struct trace_context context;

    return len == LENGTH && text[0] == '0' && text[1] == '0' &&
           trace_context_read(text, len, &context);
}

void traceparent_id(const char *traceparent, char out[TRACE_ID_SIZE])
{
    str_copy(out, TRACE_ID_SIZE, *traceparent != '\0' ? traceparent + TRACE_AT : "-");
}

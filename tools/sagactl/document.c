/* document.c - see document.h. What jansson could not make is null; it refuses to add that. */
#include "tools/sagactl/document.h"

#include <errno.h>

#include "common/base/clock.h"
#include "common/event/money.h"

/* Significant digits: enough for any amount, and few enough that 44.98 stays 44.98. */
#define JSON_DIGITS 15

int document_print(json_t *document, FILE *out, struct error *err)
{
    int r = document != NULL
                ? json_dumpf(document, out, JSON_INDENT(2) | JSON_REAL_PRECISION(JSON_DIGITS))
                : -1;

    json_decref(document);
    if (r != 0)
        return error_set(err, -ENOMEM, "cannot write JSON: out of memory");
    fputc('\n', out);
    return 0;
}

json_t *document_money(int64_t minor)
{
    return json_real((double)minor / 100);
}

json_t *document_time(int64_t utc_ms)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format(utc_ms, text);
    return json_string(text);
}

json_t *document_text(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *next_step(const struct order_next *next, int64_t now_ms)
{
    return json_pack(
        "{ss ss so so}", "event_type", event_type_name(next->type), "service", next->service,
        "after", document_text(next->after != NULL ? next->after->event_id : NULL), "waiting_ms",
        next->after != NULL ? json_integer(order_next_age(next, now_ms)) : json_null());
}

json_t *document_next(const struct order_next *next, size_t count, int64_t now_ms)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, next_step(&next[i], now_ms)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

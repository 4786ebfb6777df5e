/* effect.c - see effect.h. */
#include "common/kafka/effect.h"

#include <stdio.h>

#include "common/base/util.h"

#define EVENT_NAME_SIZE 160

/*
 * The id follows from cause, type and key: doing the step again yields the same one. The key counts
 * only where it is not the cause's own, which says nothing new and would cost another SHA-1 block.
 */
static void derive_id(struct event *event, const struct event *cause)
{
    char name[EVENT_NAME_SIZE];
    bool same_key = str_equal(event_key(event), event_key(cause));
    int len = snprintf(name, sizeof(name), "%s%s%s", event_type_name(event->type),
                       same_key ? "" : ":", same_key ? "" : event_key(event));

    uuid_v5(cause->event_id, name, (size_t)len, event->event_id);
}

void effect_complete(struct event *event, const struct event *cause, int64_t now_ms)
{
    derive_id(event, cause);
    str_copy(event->correlation_id, sizeof(event->correlation_id), cause->correlation_id);
    str_copy(event->causation_id, sizeof(event->causation_id), cause->event_id);
    event->timestamp_ms = now_ms;
    event->schema_version = EVENT_SCHEMA_VERSION;
}

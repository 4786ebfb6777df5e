/* event_places.c - see event_places.h. */
#include "services/order/front_door/event_places.h"

#include "common/base/util.h"

/* FNV-1a */
static size_t index_of(const char *event_id)
{
    uint32_t hash = 2166136261u;

    for (const char *p = event_id; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    return hash & (EVENT_PLACES_MAX - 1);
}

const struct stream_place *event_places_get(const struct event_places *places, const char *event_id)
{
    size_t index = index_of(event_id);

    return str_equal(places->entries[index].event_id, event_id) ? &places->entries[index].place
                                                                : NULL;
}

void event_places_put(struct event_places *places, const char *event_id,
                      const struct stream_place *place)
{
    size_t index = index_of(event_id);

    str_copy(places->entries[index].event_id, UUID_SIZE, event_id);
    places->entries[index].place = *place;
}

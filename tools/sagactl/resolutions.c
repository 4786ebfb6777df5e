/* resolutions.c - see resolutions.h. */
#include "tools/sagactl/resolutions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/kafka/dead_letter.h"
#include "common/kafka/record.h"
#include "tools/sagactl/log_read.h"

#define CAPACITY_MIN 64

struct reading {
    const struct letter_service *service;
    struct resolutions *resolutions;
};

static int make_room(struct resolutions *resolutions, struct error *err)
{
    size_t capacity = resolutions->capacity > 0 ? resolutions->capacity * 2 : CAPACITY_MIN;
    struct resolution *list;

    if (resolutions->count < resolutions->capacity)
        return 0;
    if (resolutions->count >= RESOLUTIONS_MAX)
        return error_set(err, -E2BIG, "more than %d dead letters are resolved", RESOLUTIONS_MAX);
    list = reallocarray(resolutions->list, capacity, sizeof(*list));
    if (list == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    resolutions->list = list;
    resolutions->capacity = capacity;
    return 0;
}

static struct bytes header(const rd_kafka_message_t *record, const char *name)
{
    struct bytes value = {0};

    return record_header(record, name, &value.data, &value.len) ? value : (struct bytes){0};
}

static bool is_discarded(const rd_kafka_message_t *record)
{
    struct bytes resolution = header(record, DEAD_LETTER_RESOLUTION);

    return resolution.len == strlen(DEAD_LETTER_DISCARDED) &&
           memcmp(resolution.data, DEAD_LETTER_DISCARDED, resolution.len) == 0;
}

/* What names no letter of this service was written by somebody else, and resolves nothing. */
static int on_record(void *context, const struct log_record *record, struct error *err)
{
    struct reading *reading = context;
    struct resolutions *resolutions = reading->resolutions;
    const rd_kafka_message_t *message = record->message;
    struct bytes reason = header(message, RESOLUTION_REASON);
    struct resolution found = {
        .state = is_discarded(message) ? LETTER_DISCARDED : LETTER_REPLAYED,
        .time_ms = rd_kafka_message_timestamp(message, NULL),
    };

    if (letter_id_parse(header(message, DEAD_LETTER_ID), &found.id) < 0 ||
        found.id.service != reading->service)
        return 0;

    int r = make_room(resolutions, err);

    if (r < 0)
        return r;
    if (reason.data != NULL)
        found.reason = strndup(reason.data, reason.len);
    if (reason.data != NULL && found.reason == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    resolutions->list[resolutions->count++] = found;
    return 0;
}

int resolutions_read(struct cluster *cluster, const struct letter_service *service,
                     struct resolutions *ret, struct error *err)
{
    struct reading reading = {service, ret};
    const struct log_request request = {
        .topics = &service->replays,
        .topic_count = 1,
        .on_record = on_record,
        .context = &reading,
    };
    int r = log_read(cluster, &request, err);

    if (r == 0 && ret->count > 0)
        qsort(ret->list, ret->count, sizeof(*ret->list), letter_id_compare);
    return r;
}

void resolutions_done(struct resolutions *resolutions)
{
    for (size_t i = 0; i < resolutions->count; i++)
        free(resolutions->list[i].reason);
    free(resolutions->list);
    *resolutions = (struct resolutions){0};
}

const struct resolution *resolutions_find(const struct resolutions *resolutions,
                                          const struct letter_id *id)
{
    if (resolutions->count == 0)
        return NULL;
    return bsearch(id, resolutions->list, resolutions->count, sizeof(*resolutions->list),
                   letter_id_compare);
}

/* vacancy.c - see vacancy.h. */
#include "common/kafka/vacancy.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/kafka/shard_set.h"

/* --- the consumer protocol: version, then [topic, [partition]], all big-endian --- */

struct reader {
    const unsigned char *at;
    size_t left;
    bool failed;
};

static const unsigned char *take(struct reader *reader, size_t size)
{
    const unsigned char *at = reader->at;

    if (reader->failed || size > reader->left) {
        reader->failed = true;
        return NULL;
    }
    reader->at += size;
    reader->left -= size;
    return at;
}

static uint32_t take_number(struct reader *reader, size_t size)
{
    const unsigned char *at = take(reader, size);
    uint32_t value = 0;

    for (size_t i = 0; at != NULL && i < size; i++)
        value = value << 8 | at[i];
    return value;
}

static int32_t take_int32(struct reader *reader)
{
    return (int32_t)take_number(reader, sizeof(int32_t));
}

static uint16_t take_int16(struct reader *reader)
{
    return (uint16_t)take_number(reader, sizeof(int16_t));
}

static bool take_name(struct reader *reader, const char *wanted)
{
    size_t size = take_int16(reader);
    const unsigned char *name = take(reader, size);

    return name != NULL && size == strlen(wanted) && memcmp(name, wanted, size) == 0;
}

uint32_t vacancy_assigned(const void *assignment, size_t size, const char *topic)
{
    struct reader reader = {assignment, size, false};
    uint32_t set = 0;

    (void)take_int16(&reader); /* all versions begin alike */
    for (int32_t topics = take_int32(&reader); topics > 0 && !reader.failed; topics--) {
        bool is_wanted = take_name(&reader, topic);

        for (int32_t count = take_int32(&reader); count > 0 && !reader.failed; count--) {
            int32_t shard = take_int32(&reader);

            if (is_wanted && !reader.failed && shard >= 0 && shard < SHARDS_MAX)
                set |= UINT32_C(1) << shard;
        }
    }
    return reader.failed ? 0 : set;
}

/* --- the looks --- */

void vacancy_rebalanced(struct vacancy *vacancy)
{
    *vacancy = (struct vacancy){.next_look_ms = clock_monotonic_ms() + VACANCY_LOOK_MS};
}

/* True if the group is at rest; then `ret` is what its members were given. */
static bool read_owned(const struct rd_kafka_group_list *list, const char *topic, uint32_t *ret)
{
    const struct rd_kafka_group_info *group = list->group_cnt == 1 ? &list->groups[0] : NULL;

    *ret = 0;
    if (group == NULL || group->err != RD_KAFKA_RESP_ERR_NO_ERROR ||
        strcmp(group->state, "Stable") != 0)
        return false;
    for (int i = 0; i < group->member_cnt; i++)
        *ret |= vacancy_assigned(group->members[i].member_assignment,
                                 (size_t)group->members[i].member_assignment_size, topic);
    return true;
}

/*
 * Not DescribeConsumerGroups: when one of these has run out of time and then meets its coordinator,
 * or the end of its client, librdkafka 2.8 aborts (rd_kafka_admin_coord_request() and its error
 * both let go of the same reference).
 */
static bool ask_owned(rd_kafka_t *client, const char *group, const char *topic, uint32_t *ret)
{
    const struct rd_kafka_group_list *list = NULL;
    rd_kafka_resp_err_t code = rd_kafka_list_groups(client, group, &list, VACANCY_TIMEOUT_MS);
    bool is_known = list != NULL && read_owned(list, topic, ret);

    log_debug("shards_asked", "group=%s reason=%s known=%d", group, rd_kafka_err2str(code),
              is_known);
    if (list != NULL)
        rd_kafka_group_list_destroy(list);
    return is_known;
}

bool vacancy_look(struct vacancy *vacancy, rd_kafka_t *client, const char *group, const char *topic,
                  uint32_t all, uint32_t own)
{
    int64_t now_ms = clock_monotonic_ms();
    uint32_t owned;

    if (vacancy->next_look_ms == 0 || now_ms < vacancy->next_look_ms)
        return false;
    vacancy->next_look_ms = now_ms + VACANCY_LOOK_MS;
    if (!ask_owned(client, group, topic, &owned))
        return false; /* asked again */
    vacancy->vacant = all & ~owned & (vacancy->looks > 0 ? vacancy->vacant : all);
    vacancy->looks++;
    if (vacancy->vacant == 0)
        vacancy->next_look_ms = 0;
    if (vacancy->vacant == 0 || vacancy->looks < VACANCY_LOOKS + __builtin_popcount(own))
        return false;
    log_warn("shards_without_owner", "shards=0x%" PRIx32 " action=join_again", vacancy->vacant);
    return true;
}

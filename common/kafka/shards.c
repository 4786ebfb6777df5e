/* shards.c - see shards.h. */
#include "common/kafka/shards.h"

#include <assert.h>
#include <errno.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"

/* A bookmark is saved with the first transaction after this, or on its own after that. */
#define BOOKMARK_WITH_OUTPUT_MS 500
#define BOOKMARK_ALONE_MS 5000
/* How long a broker may take for each half of a commit; less when we are to stop. */
#define COMMIT_MS_MAX 5000
#define LAST_COMMIT_MS_MAX 800
/* How often to look whether commits can be read: each is looked at once or twice as old. */
#define LOOK_EVERY_MS 3000

void shards_init(struct shards *shards, const struct participant *participant,
                 const struct topics *topics, struct ledger *ledger)
{
    *shards = (struct shards){
        .participant = participant,
        .topics = topics,
        .ledger = ledger,
        .count = (uint32_t)topic_state(topics, participant->shards)->partition_count,
    };
    bookmarks_forget(&shards->bookmarks);
}

void shards_drop(struct shards *shards)
{
    for (size_t i = 0; i < SHARDS_MAX; i++) {
        publisher_free(shards->list[i].publisher);
        shards->list[i].publisher = NULL;
    }
    bookmarks_forget(&shards->bookmarks);
}

void shards_own(struct shards *shards, uint32_t shard, struct publisher *publisher)
{
    int64_t now_ms = clock_monotonic_ms();

    assert(shard < SHARDS_MAX && shards->list[shard].publisher == NULL);
    shards->list[shard] = (struct shard){publisher, false, now_ms, now_ms};
}

uint32_t shards_number(const struct shards *shards, int32_t partition)
{
    return (uint32_t)partition % shards->count;
}

struct shard *shards_of(struct shards *shards, int32_t partition)
{
    return &shards->list[shards_number(shards, partition)];
}

bool shards_have_output(const struct shards *shards)
{
    for (size_t i = 0; i < SHARDS_MAX; i++)
        if (shards->list[i].publisher != NULL &&
            publisher_has_transaction(shards->list[i].publisher))
            return true;
    return false;
}

void shards_rest(struct shards *shards, int64_t until_ms)
{
    for (size_t i = 0; i < SHARDS_MAX; i++)
        if (shards->list[i].publisher != NULL)
            publisher_rest(shards->list[i].publisher, until_ms);
}

static bool bookmark_is_due(const struct shard *shard, bool last)
{
    int64_t age_ms = clock_monotonic_ms() - shard->saved_ms;

    if (last || shard->has_dead_letter)
        return true;
    return age_ms >= (publisher_has_transaction(shard->publisher) ? BOOKMARK_WITH_OUTPUT_MS
                                                                  : BOOKMARK_ALONE_MS);
}

static int commit_with_bookmarks(struct shards *shards, uint32_t number, struct elector *elector,
                                 int timeout_ms, struct error *err)
{
    struct shard *shard = &shards->list[number];
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list =
        bookmarks_moved(&shards->bookmarks, shards->topics, number, shards->count);
    CLEANUP(metadata_cleanup) rd_kafka_consumer_group_metadata_t *metadata = NULL;
    int r;

    shard->saved_ms = clock_monotonic_ms();
    if (list->cnt == 0 && !publisher_has_transaction(shard->publisher))
        return 0;
    metadata = elector_metadata(elector);
    r = publisher_commit(shard->publisher, list, metadata, timeout_ms, err);
    if (r == 0)
        bookmarks_note_saved(&shards->bookmarks, shards->topics, list);
    return r;
}

/* What the commit has made true is told to the cache. */
static void advance_ledgers(struct shards *shards, const struct publisher *publisher)
{
    const struct participant *participant = shards->participant;

    for (size_t i = 0; i < participant->ledger_count; i++) {
        enum topic topic = participant->ledgers[i];
        int32_t count = topic_state(shards->topics, topic)->partition_count;

        for (int32_t p = 0; p < count && p < PARTITIONS_MAX; p++)
            if (publisher_position(publisher, i, p) >= 0)
                ledger_advance(shards->ledger, topic, p, publisher_position(publisher, i, p));
    }
}

static int commit_shard(struct shards *shards, uint32_t number, struct elector *elector, bool last,
                        struct error *err)
{
    struct shard *shard = &shards->list[number];
    bool has_output = publisher_has_transaction(shard->publisher);
    int timeout_ms = last ? LAST_COMMIT_MS_MAX : COMMIT_MS_MAX;
    int r = bookmark_is_due(shard, last)
                ? commit_with_bookmarks(shards, number, elector, timeout_ms, err)
                : publisher_commit(shard->publisher, NULL, NULL, timeout_ms, err);

    if (r < 0)
        return r;
    shard->has_dead_letter = false;
    if (has_output)
        advance_ledgers(shards, shard->publisher);
    return 0;
}

int shards_commit(struct shards *shards, struct elector *elector, bool last, struct error *err)
{
    bool doubtful = false;
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < SHARDS_MAX; i++) {
        if (shards->list[i].publisher == NULL)
            continue;
        r = commit_shard(shards, i, elector, last, err);
        doubtful = doubtful || publisher_is_doubtful(shards->list[i].publisher);
    }
    return r == 0 && doubtful ? error_set(err, -EAGAIN, "the connection failed during a commit")
                              : r;
}

int shards_check_visible(struct shards *shards, struct error *err)
{
    int64_t now_ms = clock_monotonic_ms();
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < SHARDS_MAX; i++) {
        struct shard *shard = &shards->list[i];

        if (shard->publisher == NULL || now_ms - shard->looked_ms < LOOK_EVERY_MS)
            continue;
        shard->looked_ms = now_ms;
        r = publisher_check_visible(shard->publisher, err);
    }
    return r;
}

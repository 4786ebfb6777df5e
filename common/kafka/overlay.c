/* overlay.c - see overlay.h. */
#include "common/kafka/overlay.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"

#define CHUNK_BYTES ((size_t)256 << 10) /* holds the largest event many times */

struct overlay_chunk {
    struct overlay_chunk *next;
    size_t used;
    _Alignas(max_align_t) char bytes[CHUNK_BYTES];
};

/* Eight bytes at a time, mixed as in MurmurHash2. Keys are ids that we have validated. */
static uint32_t hash_key(enum topic topic, const char *key)
{
    const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
    uint64_t hash = (uint64_t)topic * m, word;
    size_t len = strlen(key);

    for (; len > 0; len -= len < sizeof(word) ? len : sizeof(word), key += sizeof(word)) {
        word = 0;
        memcpy(&word, key, len < sizeof(word) ? len : sizeof(word));
        word *= m;
        hash = (hash ^ (word ^ word >> 47)) * m;
    }
    return (uint32_t)(hash ^ hash >> 47);
}

int overlay_init(struct overlay *overlay, size_t slot_count)
{
    assert((slot_count & (slot_count - 1)) == 0);
    *overlay = (struct overlay){.slot_count = slot_count};
    overlay->slots = calloc(slot_count, sizeof(*overlay->slots));
    overlay->used = calloc(slot_count, sizeof(*overlay->used));
    return overlay->slots != NULL && overlay->used != NULL ? 0 : -ENOMEM;
}

void overlay_done(struct overlay *overlay)
{
    while (overlay->chunks != NULL) {
        struct overlay_chunk *next = overlay->chunks->next;

        free(overlay->chunks);
        overlay->chunks = next;
    }
    free(overlay->slots);
    free(overlay->used);
    *overlay = (struct overlay){0};
}

void overlay_clear(struct overlay *overlay)
{
    for (size_t i = 0; i < overlay->entry_count; i++)
        overlay->slots[overlay->used[i]] = (struct overlay_entry){0};
    for (struct overlay_chunk *chunk = overlay->chunks; chunk != NULL; chunk = chunk->next)
        chunk->used = 0;
    overlay->entry_count = 0;
    overlay->bytes = 0;
    overlay->current = overlay->chunks;
}

/* The slot of that key, or the free one where it would go. */
static struct overlay_entry *find_slot(struct overlay *overlay, enum topic topic, uint32_t hash,
                                       const char *key)
{
    size_t mask = overlay->slot_count - 1;

    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct overlay_entry *slot = &overlay->slots[i];

        if (slot->event == NULL)
            return slot;
        if (slot->hash == hash && slot->topic == topic && str_equal(event_key(slot->event), key))
            return slot;
    }
}

struct overlay_entry *overlay_find(struct overlay *overlay, enum topic topic, const char *key)
{
    struct overlay_entry *slot = find_slot(overlay, topic, hash_key(topic, key), key);

    return slot->event != NULL ? slot : NULL;
}

static struct overlay_chunk *add_chunk(struct overlay *overlay)
{
    struct overlay_chunk *chunk = malloc(sizeof(*chunk));

    if (chunk == NULL)
        return NULL;
    chunk->used = 0;
    chunk->next = NULL;
    if (overlay->current != NULL)
        overlay->current->next = chunk;
    else
        overlay->chunks = chunk;
    return chunk;
}

/* Room in the current chunk, the next one that is there from before, or a new one. */
static void *take_room(struct overlay *overlay, size_t size)
{
    size_t rounded = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);

    assert(rounded <= CHUNK_BYTES);
    if (overlay->current == NULL || overlay->current->used + rounded > CHUNK_BYTES) {
        struct overlay_chunk *next = overlay->current != NULL ? overlay->current->next : NULL;

        if (next == NULL)
            next = add_chunk(overlay);
        if (next == NULL)
            return NULL;
        overlay->current = next;
    }
    overlay->current->used += rounded;
    overlay->bytes += rounded;
    return overlay->current->bytes + overlay->current->used - rounded;
}

struct overlay_entry *overlay_put(struct overlay *overlay, const void *event, size_t size,
                                  bool written)
{
    struct event *copy = take_room(overlay, size);
    struct overlay_entry *slot;
    enum topic topic;
    uint32_t hash;

    if (copy == NULL)
        return NULL;
    memcpy(copy, event, size);
    topic = event_topic(copy->type);
    hash = hash_key(topic, event_key(copy));
    slot = find_slot(overlay, topic, hash, event_key(copy));
    if (slot->event == NULL)
        overlay->used[overlay->entry_count++] = (uint32_t)(slot - overlay->slots);
    assert(overlay->entry_count < overlay->slot_count); /* a free slot ends every search */
    *slot = (struct overlay_entry){copy, topic, hash, written || slot->written};
    return slot;
}

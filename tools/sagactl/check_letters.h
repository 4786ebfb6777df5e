/*
 * check_letters.h - dead letters as the check keeps them. Private to check_letters*.c.
 */
#pragma once

#include "tools/sagactl/check_facts.h"

#define SERVICE_SIZE 32
#define LETTER_KEY_SIZE 80

struct place {
    enum topic topic;
    int32_t partition;
    int64_t offset;
};

struct content {
    uint64_t key, value, headers; /* digests */
};

struct letter {
    struct place origin, own;
    struct content content;
    char service[SERVICE_SIZE]; /* whose topic it is in */
    char cause[CHECK_CAUSE_SIZE];
    char key[LETTER_KEY_SIZE]; /* as text */
    const char *fault;         /* static; NULL: none */
    bool found, is_event;      /* the origin was read, and is an event */
    struct content found_content;
    bool resolved;
};

struct replay {
    struct place letter, own;
    struct content content;
    bool is_mark; /* says only what became of the letter */
};

struct expectation {
    struct place place;
    enum event_type type;
    char why[CHECK_CAUSE_SIZE];
};

struct letters {
    struct list letters, replays, expectations;
    bool sealed; /* letters are sorted by origin; no more may come */
};

/* By topic, partition and offset. */
int place_compare(const struct place *a, const struct place *b);

/* True: the service takes events of this type, or refuses them where they do not belong.
   EVENT_NONE: what does not say its type, which everybody has to look at. */
bool letters_wants(const char *service, enum event_type type);

/* Sorts the letters by origin; from now on no more may come. Harmless when it was done. */
void letters_seal(struct letters *letters);

/* The number of the first letter that does not come from before `origin`. */
size_t letters_lower_bound(const struct letters *letters, const struct place *origin);

/* Tells the letters that come from there what was found. */
void letters_note_origin(struct letters *letters, const struct place *place,
                         const struct content *content, bool is_event);

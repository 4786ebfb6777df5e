/*
 * check_letters.c - dead letters (invariant 8): each record that must be refused is there once per
 * service that reads it, unchanged, with cause and origin. A letter about a record that is an event
 * is a finding until somebody has resolved it: its order is not as it should be.
 */
#include "tools/sagactl/check_letters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"

static const char *text_of(const struct place *place, char out[CHECK_SUBJECT_SIZE])
{
    return place_text(place->topic, place->partition, place->offset, out);
}

static bool has_expired(const struct check *check, const struct place *place)
{
    return place->partition < CHECK_PARTITIONS_MAX &&
           place->offset < check->ranges[place->topic][place->partition].low;
}

/* --- what was resolved */

static int compare_own(const void *a, const void *b)
{
    return place_compare(&(*(struct letter *const *)a)->own, &(*(struct letter *const *)b)->own);
}

static void resolve(struct check *check, const struct replay *replay, struct letter *letter)
{
    char place[CHECK_SUBJECT_SIZE];

    CHECK_THAT(check, !letter->resolved, 8, text_of(&letter->own, place),
               "was resolved more than once");
    letter->resolved = true;
    if (replay->is_mark)
        return;
    CHECK_THAT(check,
               replay->content.key == letter->content.key &&
                   replay->content.value == letter->content.value,
               8, text_of(&replay->own, place), "is not the dead letter that it replays");
    letters_note_origin(check->letters, &replay->own, &replay->content, letter->is_event);
}

static void check_replays(struct check *check)
{
    struct letters *letters = check->letters;
    struct letter *list = letters->letters.items;
    const struct replay *replays = letters->replays.items;
    CLEANUP(free_ptr) struct letter **by_own = calloc(letters->letters.count + 1, sizeof(*by_own));
    char place[CHECK_SUBJECT_SIZE], letter_place[CHECK_SUBJECT_SIZE];

    if (by_own == NULL) {
        check->failure = error_set(&check->failed, -ENOMEM, "out of memory");
        return;
    }
    for (size_t i = 0; i < letters->letters.count; i++)
        by_own[i] = &list[i];
    qsort(by_own, letters->letters.count, sizeof(*by_own), compare_own);
    for (size_t i = 0; i < letters->replays.count; i++) {
        struct letter wanted = {.own = replays[i].letter};
        struct letter *key = &wanted;
        struct letter **found =
            bsearch(&key, by_own, letters->letters.count, sizeof(*by_own), compare_own);

        if (found != NULL)
            resolve(check, &replays[i], *found);
        else
            CHECK_THAT(check, has_expired(check, &wanted.own), 8, text_of(&replays[i].own, place),
                       "resolves %s, which is not there", text_of(&wanted.own, letter_place));
    }
}

/* --- each letter for itself */

static void check_content(struct check *check, const struct letter *letter)
{
    char own[CHECK_SUBJECT_SIZE], origin[CHECK_SUBJECT_SIZE];
    const struct content *a = &letter->content, *b = &letter->found_content;

    text_of(&letter->own, own);
    text_of(&letter->origin, origin);
    CHECK_THAT(check, a->value == b->value, 8, own, "its bytes are not those of %s", origin);
    CHECK_THAT(check, a->key == b->key, 8, own, "its key is not that of %s", origin);
    CHECK_THAT(check, a->headers == b->headers, 8, own, "its headers are not those of %s", origin);
    CHECK_THAT(check, !letter->is_event || letter->resolved, 8, letter->key, "%s refused %s: %s",
               letter->service, origin, letter->cause);
}

static void check_letter(struct check *check, const struct letter *letter,
                         const struct letter *before)
{
    char own[CHECK_SUBJECT_SIZE], other[CHECK_SUBJECT_SIZE];

    text_of(&letter->own, own);
    if (letter->fault != NULL)
        check_report(check, 8, own, "%s", letter->fault);
    else if (before != NULL && place_compare(&before->origin, &letter->origin) == 0 &&
             str_equal(before->service, letter->service))
        check_report(check, 8, own, "is the same as %s", text_of(&before->own, other));
    else if (letter->found)
        check_content(check, letter);
    else
        CHECK_THAT(check, has_expired(check, &letter->origin), 8, own, "its origin %s is nowhere",
                   text_of(&letter->origin, other));
}

/* --- what should be a letter */

static bool is_refused(const struct letters *letters, const struct place *place,
                       const char *service)
{
    const struct letter *list = letters->letters.items;

    for (size_t i = letters_lower_bound(letters, place);
         i < letters->letters.count && place_compare(&list[i].origin, place) == 0; i++)
        if (list[i].fault == NULL && str_equal(list[i].service, service))
            return true;
    return false;
}

/* While all goes on, the services may only not have come to it yet. */
static void check_expectation(struct check *check, const struct expectation *expectation)
{
    const struct topic_info *info = topic_info(expectation->place.topic);
    char place[CHECK_SUBJECT_SIZE];

    for (size_t i = 0; i < info->reader_count && check->config.final; i++) {
        const char *service = info->readers[i].service;
        bool asked = i > 0 && str_equal(info->readers[i - 1].service, service); /* side by side */

        if (!asked && letters_wants(service, expectation->type))
            CHECK_THAT(check, is_refused(check->letters, &expectation->place, service), 8,
                       text_of(&expectation->place, place),
                       "is no event (%s), and is not in the dead letters of %s", expectation->why,
                       service);
    }
    check->counts.refused++;
}

void check_letters(struct check *check)
{
    const struct letter *letters = check->letters->letters.items;
    const struct expectation *expectations = check->letters->expectations.items;

    letters_seal(check->letters);
    check_replays(check);
    for (size_t i = 0; i < check->letters->letters.count; i++)
        check_letter(check, &letters[i], i > 0 ? &letters[i - 1] : NULL);
    for (size_t i = 0; i < check->letters->expectations.count; i++)
        check_expectation(check, &expectations[i]);
}

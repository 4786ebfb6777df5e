/*
 * test_examples.c - the codec on all examples of schemas/: each event type makes the round trip,
 * jansson reads the same values, and damaged examples never crash it.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "common/event/codec.h"
#include "suite.h"

#define EXAMPLE_COUNT_MAX 1000
#define MUTATIONS_PER_EXAMPLE 3000

struct example {
    char name[512]; /* "OrderPlaced/typical.json" */
    char *json;
    size_t len;
};

static struct example examples[EXAMPLE_COUNT_MAX];
static size_t example_count;
static struct codec *codec;
static struct event event, again;
static struct error err;

static void load_file(const char *path, struct example *example)
{
    FILE *file = fopen(path, "rb");

    ck_assert_msg(file != NULL, "%s", path);
    example->json = malloc(EVENT_BYTES_MAX);
    example->len = fread(example->json, 1, EVENT_BYTES_MAX, file);
    fclose(file);
}

static void load_directory(const char *kind, const char *type)
{
    char path[4096];
    struct dirent *entry;
    DIR *directory;

    snprintf(path, sizeof(path), "%s/%s/%s", getenv("SCHEMA_EXAMPLES"), kind, type);
    directory = opendir(path);
    ck_assert_msg(directory != NULL, "no examples in %s", path);
    while ((entry = readdir(directory)) != NULL) {
        struct example *example = &examples[example_count];

        if (entry->d_name[0] == '.')
            continue;
        ck_assert_uint_lt(example_count++, EXAMPLE_COUNT_MAX);
        snprintf(example->name, sizeof(example->name), "%s/%s", type, entry->d_name);
        snprintf(path, sizeof(path), "%s/%s/%s", getenv("SCHEMA_EXAMPLES"), kind, example->name);
        load_file(path, example);
    }
    closedir(directory);
}

static void load_all_types(const char *kind)
{
    ck_assert_int_eq(codec_new(&codec, &err), 0);
    for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
        load_directory(kind, event_type_name(type));
}

static void load_valid(void)
{
    load_all_types("valid");
}

static void load_invalid(void)
{
    load_all_types("invalid");
    load_directory("invalid", "syntax");
}

static void unload(void)
{
    while (example_count > 0)
        free(examples[--example_count].json);
    codec_free(codec);
}

/* What was accepted must survive being written and read. */
static void assert_round_trip(const char *name)
{
    const char *json;
    size_t len;

    ck_assert_msg(event_encode(codec, &event, &json, &len, &err) == 0, "%s: %s", name, err.text);

    char *copy = strndup(json, len); /* the codec's text ends with its next call */

    ck_assert_msg(event_decode(codec, copy, len, &again, &err) == 0, "%s: %s", name, err.text);
    free(copy);
    ck_assert_msg(event_equal(&event, &again), "%s", name);
}

START_TEST(every_valid_example_makes_the_round_trip)
{
    bool seen[EVENT_TYPE_COUNT] = {false};

    for (size_t i = 0; i < example_count; i++) {
        const struct example *example = &examples[i];
        int r = event_decode(codec, example->json, example->len, &event, &err);

        ck_assert_msg(r == 0, "%s: %s", example->name, err.text);
        seen[event.type] = true;
        assert_round_trip(example->name);
    }
    for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
        ck_assert_msg(seen[type], "%s", event_type_name(type));
}
END_TEST

START_TEST(every_invalid_example_is_refused)
{
    ck_assert_uint_gt(example_count, 200);
    for (size_t i = 0; i < example_count; i++) {
        const struct example *example = &examples[i];
        int r = event_decode(codec, example->json, example->len, &event, &err);

        ck_assert_msg(r == -EBADMSG, "%s: %d", example->name, r);
    }
}
END_TEST

/* Everything that `ours` says, jansson read too; what it read beside, the schema does not know. */
static void assert_same(const json_t *ours, const json_t *theirs, const char *name)
{
    const char *key;
    json_t *value;
    size_t index;

    ck_assert_msg(theirs != NULL, "%s", name);
    if (json_is_number(ours)) { /* 1 and 1.0 are one number; only the test compares doubles */
        double difference = json_number_value(ours) - json_number_value(theirs);

        ck_assert_msg(difference < 1e-9 && difference > -1e-9, "%s: %f, %f", name,
                      json_number_value(ours), json_number_value(theirs));
    } else if (json_is_object(ours)) {
        json_object_foreach ((json_t *)ours, key, value) {
            if (json_object_get(theirs, key) == NULL)
                ck_assert_msg(str_equal(key, "currency") || str_equal(key, "schema_version"),
                              "%s: %s", name, key);
            else
                assert_same(value, json_object_get(theirs, key), name);
        }
    } else if (json_is_array(ours)) {
        ck_assert_uint_eq(json_array_size(ours), json_array_size(theirs));
        json_array_foreach (ours, index, value)
            assert_same(value, json_array_get(theirs, index), name);
    } else {
        ck_assert_msg(json_equal(ours, theirs), "%s", name);
    }
}

START_TEST(jansson_reads_the_same_values)
{
    for (size_t i = 0; i < example_count; i++) {
        const struct example *example = &examples[i];
        json_t *theirs = json_loadb(example->json, example->len, JSON_REJECT_DUPLICATES, NULL);
        const char *text;
        size_t len;

        ck_assert_msg(theirs != NULL, "%s", example->name);
        ck_assert_int_eq(event_decode(codec, example->json, example->len, &event, &err), 0);
        ck_assert_int_eq(event_encode(codec, &event, &text, &len, &err), 0);

        json_t *ours = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

        assert_same(ours, theirs, example->name);
        json_decref(ours);
        json_decref(theirs);
    }
}
END_TEST

static uint64_t random_state = 20261124;

static size_t random_below(size_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(random_state >> 33) % bound;
}

/* Changes, removes, doubles or inserts a few bytes, mostly such that mean something in JSON. */
static size_t mutate(char *json, size_t len)
{
    static const char bytes[] = "{}[]:,\"\\0123456789.eE+-ntfu \n\xff\xc3\x80/~";

    for (size_t left = 1 + random_below(4); left > 0 && len > 1; left--) {
        size_t at = random_below(len), span = 1 + random_below(len - at < 20 ? len - at : 20);

        switch (random_below(4)) {
        case 0:
            json[at] = bytes[random_below(sizeof(bytes))];
            break;
        case 1:
            memmove(json + at, json + at + span, len - at - span);
            len -= span;
            break;
        case 2:
            memmove(json + at + span, json + at, len - at);
            len += span;
            break;
        default:
            json[at] ^= (char)(1 << random_below(8));
            break;
        }
    }
    return len;
}

START_TEST(damaged_examples_are_refused_or_make_the_round_trip)
{
    size_t accepted = 0, refused = 0;

    for (size_t i = 0; i < example_count; i++) {
        for (int n = 0; n < MUTATIONS_PER_EXAMPLE; n++) {
            /* Of exactly the length, so that the sanitizer sees a byte read too many. */
            char *room = malloc(examples[i].len + 100), *json;
            size_t len;

            memcpy(room, examples[i].json, examples[i].len);
            len = mutate(room, examples[i].len);
            json = realloc(room, len);
            if (event_decode(codec, json, len, &event, &err) == 0) {
                accepted++;
                assert_round_trip(examples[i].name);
            } else {
                refused++;
                ck_assert_uint_gt(strlen(err.text), 0);
            }
            free(json);
        }
    }
    ck_assert_uint_gt(accepted, 1000); /* the damage is neither always fatal nor never */
    ck_assert_uint_gt(refused, 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("examples");
    TCase *valid = tcase_create("valid"), *invalid = tcase_create("invalid");

    tcase_set_timeout(valid, 100);
    tcase_add_checked_fixture(valid, load_valid, unload);
    tcase_add_test(valid, every_valid_example_makes_the_round_trip);
    tcase_add_test(valid, jansson_reads_the_same_values);
    tcase_add_test(valid, damaged_examples_are_refused_or_make_the_round_trip);
    tcase_add_checked_fixture(invalid, load_invalid, unload);
    tcase_add_test(invalid, every_invalid_example_is_refused);
    suite_add_tcase(suite, valid);
    suite_add_tcase(suite, invalid);
    return suite_main(suite);
}

/*
 * dead_letters_resolve.c - `sagactl dead-letters replay` and `discard`. Each service is a
 * transaction of its own: all or nothing, and once, see resolver.h. Letters that are done with
 * already are passed over, so that everything here may be run again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/kafka/topics.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/letters.h"
#include "tools/sagactl/resolver.h"

/* Letters of one transaction; more are for the next run. */
#define LETTERS_MAX 10000
/* Bytes of a key or a type, beyond which it is cut. */
#define TEXT_SIZE 100

struct run {
    const struct invocation *in;
    struct selection *selection;
    struct cluster *cluster; /* for reading */
    struct codec *codec;
    bool discards, dry;
    const char *reason;
    struct resolver *resolver; /* NULL: dry */
    FILE *lines;               /* about this service: shown when it is committed */
    size_t count;              /* letters of this service that stand there */
    size_t done, resolved_before, refused, left;
};

static void say(struct run *run, const struct letter *letter, const char *what, const char *about)
{
    char id[LETTER_ID_SIZE], type[TEXT_SIZE], key[TEXT_SIZE];

    letter_id_format(&letter->id, id);
    fprintf(run->lines, "%s (%s %s): %s%s\n", id, bytes_text(letter->type, type, sizeof(type)),
            bytes_text(letter->key, key, sizeof(key)), what, about);
}

/* Those that were named are told of, others are many. */
static void pass_over(struct run *run, const struct letter *letter,
                      const struct resolution *resolution)
{
    run->resolved_before++;
    if (run->selection->wishes != NULL)
        say(run, letter, "passed over, already ", letter_state_name(resolution->state));
}

static int discard(struct run *run, const struct letter *letter, struct error *err)
{
    run->done++;
    say(run, letter, run->dry ? "would be discarded" : "discarded", "");
    return run->dry ? 0 : resolver_discard(run->resolver, letter, run->reason, err);
}

static int replay(struct run *run, const struct letter *letter, struct error *err)
{
    const char *prefix = run->in->settings->topic_prefix, *obstacle;
    char name[TOPIC_NAME_SIZE];
    enum topic target;

    obstacle = letter_obstacle(letter, run->codec, prefix, clock_utc_ms(), &target);
    if (obstacle != NULL) {
        run->refused++;
        say(run, letter, "cannot be replayed: ", obstacle);
        return 0;
    }
    run->done++;
    topic_name(prefix, target, name);
    say(run, letter, run->dry ? "would be replayed to " : "replayed to ", name);
    return run->dry ? 0 : resolver_replay(run->resolver, letter, target, err);
}

static int on_letter(void *context, const struct letter *letter,
                     const struct resolution *resolution, struct error *err)
{
    struct run *run = context;

    if (resolution != NULL) {
        pass_over(run, letter, resolution);
        return 0;
    }
    if (run->count >= LETTERS_MAX) {
        run->left++;
        return 0;
    }
    run->count++;
    return run->discards ? discard(run, letter, err) : replay(run, letter, err);
}

/* The order is all: fence, read what is resolved, write what is not, commit. */
static int resolve(struct run *run, const struct letter_service *service, struct error *err)
{
    CLEANUP(resolutions_done) struct resolutions resolutions = {0};
    CLEANUP(resolver_close) struct resolver resolver = {0};
    int r = run->dry ? 0 : resolver_open(run->in->settings, service, &resolver, err);

    run->resolver = run->dry ? NULL : &resolver;
    run->count = 0;
    if (r == 0)
        r = resolutions_read(run->cluster, service, &resolutions, err);
    if (r == 0)
        r = letters_read(run->cluster, service, run->selection, &resolutions, on_letter, run, err);
    if (r == 0 && !run->dry)
        r = resolver_commit(&resolver, err);
    return r;
}

static int resolve_and_print(struct run *run, const struct letter_service *service,
                             struct error *err)
{
    CLEANUP(free_ptr) char *text = NULL;
    size_t len;
    int r;

    run->lines = open_memstream(&text, &len);
    if (run->lines == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    r = resolve(run, service, err);
    if (fclose(run->lines) != 0)
        return error_set(err, -ENOMEM, "out of memory");
    if (r == 0)
        fwrite(text, 1, len, stdout);
    return r;
}

/* What was asked for and not done. */
static int check_all_done(const struct run *run, struct error *err)
{
    const struct letter_id *missing = selection_missing(run->selection);
    char id[LETTER_ID_SIZE];

    if (missing != NULL) {
        letter_id_format(missing, id);
        return error_set(err, -ENOENT, "there is no dead letter %s", id);
    }
    if (run->refused > 0)
        return error_set(err, -EINVAL, "%zu cannot be replayed", run->refused);
    if (run->left > 0)
        return error_set(err, -E2BIG, "%zu are left: run it again", run->left);
    return 0;
}

static int resolve_all(struct run *run, struct error *err)
{
    const char *what = run->discards ? "discarded" : "replayed";
    size_t count;
    const struct letter_service *services = letter_services(&count);
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        if (selection_concerns(run->selection, &services[i]))
            r = resolve_and_print(run, &services[i], err);
    if (r < 0)
        return r;
    printf("%zu %s%s, %zu resolved before\n", run->done, run->dry ? "would be " : "", what,
           run->resolved_before);
    return check_all_done(run, err);
}

static enum exit_code run_all(struct run *run, struct error *err)
{
    CLEANUP(codec_cleanup) struct codec *codec = NULL;
    CLEANUP(cluster_close) struct cluster cluster = {0};

    if (cluster_open_consumer(run->in->settings, &cluster, err) < 0)
        return EXIT_CODE_USAGE;
    if (codec_new(&codec, err) < 0)
        return EXIT_CODE_FAILED;
    run->cluster = &cluster;
    run->codec = codec;
    return resolve_all(run, err) < 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

enum exit_code dead_letters_replay(const struct invocation *in, struct error *err)
{
    const char *cause = in->options[DEAD_LETTERS_REPLAY_CAUSE];
    bool all = in->options[DEAD_LETTERS_REPLAY_ALL] != NULL;
    CLEANUP(selection_done) struct selection selection = {0};
    struct run run = {
        .in = in,
        .selection = &selection,
        .dry = in->options[DEAD_LETTERS_REPLAY_DRY_RUN] != NULL,
    };

    if ((in->argument_count > 0) + (cause != NULL) + all != 1) {
        error_set(err, 0, "dead-letters replay: either ids, or --cause, or --all");
        return EXIT_CODE_USAGE;
    }
    if (selection_read(in, in->options[DEAD_LETTERS_REPLAY_SERVICE], cause, &selection, err) < 0)
        return EXIT_CODE_USAGE;
    return run_all(&run, err);
}

enum exit_code dead_letters_discard(const struct invocation *in, struct error *err)
{
    CLEANUP(selection_done) struct selection selection = {0};
    struct run run = {
        .in = in,
        .selection = &selection,
        .discards = true,
        .dry = in->options[DEAD_LETTERS_DISCARD_DRY_RUN] != NULL,
        .reason = in->options[DEAD_LETTERS_DISCARD_REASON],
    };

    if (run.reason != NULL && strlen(run.reason) > RESOLUTION_REASON_MAX) {
        error_set(err, 0, "dead-letters discard: the reason has more than %d bytes",
                  RESOLUTION_REASON_MAX);
        return EXIT_CODE_USAGE;
    }
    if (selection_read(in, NULL, NULL, &selection, err) < 0)
        return EXIT_CODE_USAGE;
    return run_all(&run, err);
}

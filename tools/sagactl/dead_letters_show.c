/* dead_letters_show.c - `sagactl dead-letters show`: all that one dead letter holds. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/document.h"
#include "tools/sagactl/letter_json.h"
#include "tools/sagactl/letters.h"

/* Bytes of a value that people are shown; programs get all. */
#define VALUE_SHOWN_MAX 16384
/* Bytes that are escaped at a time, and room for them. */
#define CHUNK 512
#define TEXT_SIZE (4 * CHUNK + 8)
#define LABEL_WIDTH 11

struct showing {
    bool json;
    const char *prefix;
    struct codec *codec;
};

static void print_bytes(struct bytes bytes)
{
    char text[TEXT_SIZE];

    for (size_t i = 0; i < bytes.len; i += CHUNK) {
        size_t len = bytes.len - i < CHUNK ? bytes.len - i : CHUNK;

        fputs(bytes_text((struct bytes){bytes.data + i, len}, text, sizeof(text)), stdout);
    }
    puts(bytes.data == NULL ? "-" : "");
}

static void print_member(const char *label, struct bytes bytes)
{
    printf("%-*s ", LABEL_WIDTH, label);
    print_bytes(bytes);
}

static void print_text(const char *label, const char *text)
{
    print_member(label, (struct bytes){text, strlen(text)});
}

static void print_time(const char *label, int64_t time_ms)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format(time_ms > 0 ? time_ms : 0, text);
    print_text(label, text);
}

static void print_headers(const struct letter *letter)
{
    rd_kafka_headers_t *headers;
    char text[TEXT_SIZE];
    const char *name;
    const void *data;
    size_t len;

    puts("\nheaders:");
    if (rd_kafka_message_headers(letter->record, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &data, &len) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        printf("  %s: ", bytes_text((struct bytes){name, strlen(name)}, text, sizeof(text)));
        print_bytes((struct bytes){data, len});
    }
}

static void print_value(const struct letter *letter)
{
    struct bytes shown = letter->value;

    if (letter->value.data == NULL) {
        puts("\nvalue: null");
        return;
    }
    if (shown.len > VALUE_SHOWN_MAX)
        shown.len = VALUE_SHOWN_MAX;
    printf("\nvalue, %zu bytes:\n", letter->value.len);
    print_bytes(shown);
    if (shown.len < letter->value.len)
        printf("... and %zu bytes more: see --json\n", letter->value.len - shown.len);
}

static void print_for_people(const struct letter *letter, const struct resolution *resolution,
                             const char *obstacle)
{
    char id[LETTER_ID_SIZE];

    letter_id_format(&letter->id, id);
    print_text("id", id);
    print_text("state", letter_state_name(resolution != NULL ? resolution->state : LETTER_OPEN));
    if (resolution != NULL)
        print_time("resolved at", resolution->time_ms);
    if (resolution != NULL && resolution->reason != NULL)
        print_text("reason", resolution->reason);
    if (resolution == NULL && obstacle != NULL)
        print_text("no replay", obstacle);
    print_time("refused at", letter->time_ms);
    print_member("cause", letter->cause);
    print_member("event", letter->type);
    print_member("key", letter->key);
    print_member("topic", letter->topic);
    print_member("partition", letter->partition);
    print_member("offset", letter->offset);
    if (letter->ancestor.data != NULL)
        print_member("replay of", letter->ancestor);
    print_headers(letter);
    print_value(letter);
}

static int print_json(const struct letter *letter, const struct resolution *resolution,
                      const char *obstacle, struct error *err)
{
    CLEANUP(json_cleanup) json_t *document = letter_json(letter, resolution);

    if (json_object_set_new(document, "obstacle", document_text(obstacle)) < 0 ||
        letter_json_add_record(document, letter) != 0)
        return error_set(err, -ENOMEM, "out of memory");
    return document_print(TAKE_PTR(document), stdout, err);
}

static int on_letter(void *context, const struct letter *letter,
                     const struct resolution *resolution, struct error *err)
{
    const struct showing *showing = context;
    enum topic target;
    const char *obstacle =
        letter_obstacle(letter, showing->codec, showing->prefix, clock_utc_ms(), &target);

    if (showing->json)
        return print_json(letter, resolution, obstacle, err);
    print_for_people(letter, resolution, obstacle);
    return 0;
}

static enum exit_code show(const struct invocation *in, struct selection *selection,
                           struct error *err)
{
    CLEANUP(codec_cleanup) struct codec *codec = NULL;
    CLEANUP(cluster_close) struct cluster cluster = {0};
    struct showing showing = {
        .json = in->options[DEAD_LETTERS_SHOW_JSON] != NULL,
        .prefix = in->settings->topic_prefix,
    };

    if (cluster_open_consumer(in->settings, &cluster, err) < 0)
        return EXIT_CODE_USAGE;
    if (codec_new(&codec, err) < 0)
        return EXIT_CODE_FAILED;
    showing.codec = codec;
    if (letters_look(&cluster, selection, on_letter, &showing, err) < 0)
        return EXIT_CODE_FAILED;
    if (selection_missing(selection) == NULL)
        return EXIT_CODE_OK;
    error_set(err, 0, "there is no dead letter %s", in->arguments[0]);
    return EXIT_CODE_FAILED;
}

enum exit_code dead_letters_show(const struct invocation *in, struct error *err)
{
    CLEANUP(selection_done) struct selection selection = {0};

    if (selection_read(in, NULL, NULL, &selection, err) < 0)
        return EXIT_CODE_USAGE;
    return show(in, &selection, err);
}

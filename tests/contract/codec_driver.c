/*
 * codec_driver.c - the C codec as a filter, for the contract tests. Not part of the product.
 *
 * In: any number of "<length>\n<that many bytes>". Out, a line for each: "OK <the event as the
 * encoder writes it>", "UNKNOWN <error line>" (an event type of the future) or "ERR <error line>".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/event/codec.h"

#define INPUT_BYTES_MAX (1 << 20)

static struct event event;

static void answer(struct codec *codec, const char *input, size_t input_len)
{
    struct error err = {""};
    const char *json;
    size_t len;
    int r = event_decode(codec, input, input_len, &event, &err);

    if (r == 0)
        r = event_encode(codec, &event, &json, &len, &err);
    if (r == 0)
        printf("OK %.*s\n", (int)len, json);
    else
        printf("%s %s\n", r == -ENOTSUP ? "UNKNOWN" : "ERR", err.text);
}

int main(void)
{
    CLEANUP(codec_cleanup) struct codec *codec = NULL;
    size_t len;

    if (codec_new(&codec, NULL) < 0)
        return EXIT_FAILURE;
    while (scanf("%zu", &len) == 1 && getchar() == '\n' && len <= INPUT_BYTES_MAX) {
        char *input = malloc(len + (len == 0)); /* exact: the sanitizer sees a byte read too many */

        if (input == NULL || fread(input, 1, len, stdin) != len)
            return EXIT_FAILURE;
        answer(codec, input, len);
        fflush(stdout);
        free(input);
    }
    return feof(stdin) ? EXIT_SUCCESS : EXIT_FAILURE;
}

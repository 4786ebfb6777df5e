/* api_tokens.c - see api_tokens.h. */
#include "services/order/front_door/api_tokens.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/util.h"

#define LINE_SIZE 512
#define SCHEME "Bearer "
#define TOKEN_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~+/=-"
#define SPACES " \t\r\n"

struct api_token {
    char client_id[CLIENT_ID_SIZE];
    char token[API_TOKEN_SIZE]; /* zeros up to its end: all of it is compared */
};

struct api_tokens {
    size_t count;
    struct api_token list[];
};

static bool is_token(const char *text)
{
    size_t len = strlen(text);

    return len >= API_TOKEN_LEN_MIN && len < API_TOKEN_SIZE &&
           text[strspn(text, TOKEN_CHARACTERS)] == '\0';
}

/* Returns 1 if the line has a token, 0 if it is empty or a comment. */
static int read_line(char *line, struct api_token *ret, struct error *err)
{
    char *client_id = line + strspn(line, SPACES), *token;
    struct error why;

    client_id[strcspn(client_id, "\r\n")] = '\0';
    if (*client_id == '\0' || *client_id == '#')
        return 0;
    token = client_id + strcspn(client_id, ": \t");
    if (*token == '\0')
        return error_set(err, -EINVAL, "must be client_id:token");
    *token++ = '\0';
    token += strspn(token, SPACES);
    token[strcspn(token, SPACES)] = '\0';
    if (*client_id == '\0')
        return error_set(err, -EINVAL, "there is no client id");
    if (event_text_check(EVENT_ORDER_PLACED, "client_id", client_id, &why) < 0)
        return error_set(err, -EINVAL, "the client id %s", why.text);
    if (!is_token(token))
        return error_set(err, -EINVAL, "the token must be %d to %d of A-Z a-z 0-9 . _ ~ + / = -",
                         API_TOKEN_LEN_MIN, API_TOKEN_SIZE - 1);
    str_copy(ret->client_id, sizeof(ret->client_id), client_id);
    str_copy(ret->token, sizeof(ret->token), token);
    return 1;
}

static int read_all(FILE *file, struct api_tokens *tokens, struct error *err)
{
    char line[LINE_SIZE];

    for (int number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
        struct api_token token = {.client_id = ""};
        int r = strchr(line, '\n') == NULL && !feof(file)
                    ? error_set(err, -EINVAL, "longer than %d bytes", LINE_SIZE - 2)
                    : read_line(line, &token, err);

        if (r > 0 && tokens->count == API_TOKENS_MAX)
            r = error_set(err, -E2BIG, "more than %d tokens", API_TOKENS_MAX);
        if (r < 0)
            return error_prefix(err, r, "line %d", number);
        if (r > 0)
            tokens->list[tokens->count++] = token;
    }
    return ferror(file) ? error_set(err, -EIO, "cannot be read") : 0;
}

int api_tokens_read(const char *path, struct api_tokens **ret, struct error *err)
{
    CLEANUP(api_tokens_cleanup) struct api_tokens *tokens = NULL;
    FILE *file;
    int r;

    *ret = NULL;
    if (path[0] == '\0')
        return 0;
    tokens = calloc(1, sizeof(*tokens) + API_TOKENS_MAX * sizeof(tokens->list[0]));
    if (tokens == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    file = fopen(path, "r");
    if (file == NULL)
        return error_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
    r = read_all(file, tokens, err);
    fclose(file);
    if (r == 0 && tokens->count == 0) /* an empty file would shut everybody out, or let all in */
        r = error_set(err, -EINVAL, "there is no token");
    if (r < 0)
        return error_prefix(err, r, "%s", path);
    *ret = TAKE_PTR(tokens);
    return 0;
}

void api_tokens_free(struct api_tokens *tokens)
{
    free(tokens);
}

/* Every byte of every token is looked at, whatever the first ones say. */
static unsigned difference(const char a[API_TOKEN_SIZE], const char b[API_TOKEN_SIZE])
{
    unsigned ret = 0;

    for (size_t i = 0; i < API_TOKEN_SIZE; i++)
        ret |= (unsigned char)(a[i] ^ b[i]);
    return ret;
}

const char *api_tokens_client(const struct api_tokens *tokens, const char *authorization)
{
    char given[API_TOKEN_SIZE] = {0};
    const char *client_id = NULL;

    if (authorization == NULL || strncasecmp(authorization, SCHEME, strlen(SCHEME)) != 0)
        return NULL;
    authorization += strlen(SCHEME);
    authorization += strspn(authorization, " ");
    if (!is_token(authorization))
        return NULL;
    memcpy(given, authorization, strlen(authorization));
    for (size_t i = 0; i < tokens->count; i++)
        if (difference(given, tokens->list[i].token) == 0)
            client_id = tokens->list[i].client_id;
    return client_id;
}

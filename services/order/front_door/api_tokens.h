/*
 * api_tokens.h - who may use the HTTP interface: the tokens of a file, each of a client. Without a
 * file everybody may, and nobody has a name.
 *
 *   # comment
 *   client_id:token        or with a space between; a client may have several, to change them
 *
 * Read once, at the start. Afterwards nothing changes, so any thread may ask.
 */
#pragma once

#include "common/base/cleanup.h"
#include "common/base/error.h"
#include "common/event/event.h"

#define API_TOKENS_MAX 1000
/* Bytes of a token, and NUL. Of [A-Za-z0-9._~+/=-], as RFC 6750 has it. */
#define API_TOKEN_SIZE 129
#define API_TOKEN_LEN_MIN 16

struct api_tokens;

/*
 * `path` "": `ret` is NULL. `ret` is owned by the caller. Returns 0, or -EINVAL, -errno with a line
 * that tells the file and the number of the line, and never what it says.
 */
int api_tokens_read(const char *path, struct api_tokens **ret, struct error *err);
void api_tokens_free(struct api_tokens *tokens); /* NULL is harmless */

/*
 * The client of an Authorization header, which may be NULL; NULL: it is nobody's. Takes as long for
 * a token that is nearly right as for one that is not right at all. Borrowed from `tokens`.
 */
const char *api_tokens_client(const struct api_tokens *tokens, const char *authorization);

DEFINE_CLEANUP(api_tokens_cleanup, struct api_tokens, api_tokens_free)

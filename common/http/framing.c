/*
 * framing.c - where a request ends. libmicrohttpd 0.9.75 accepts what RFC 9112 forbids: a length
 * beside a transfer coding, two lengths, a space before the colon. Behind a proxy that reads such
 * a request otherwise, one client's body becomes another's request (request smuggling). So all of
 * it is refused here, and the connection closed.
 */
#include <stdlib.h>
#include <strings.h>

#include "common/base/util.h"
#include "common/http/internal.h"

struct survey {
    size_t lengths, codings, hosts;
    bool malformed_name;
    const char *coding, *length;
};

static enum MHD_Result look_at(void *context, enum MHD_ValueKind kind, const char *name,
                               const char *value)
{
    struct survey *survey = context;

    (void)kind;
    if (field_token(name) == 0 || name[field_token(name)] != '\0')
        survey->malformed_name = true;
    if (strcasecmp(name, "Host") == 0)
        survey->hosts++;
    if (strcasecmp(name, "Content-Length") == 0) {
        survey->lengths++;
        survey->length = value;
    }
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        survey->codings++;
        survey->coding = value;
    }
    return MHD_YES;
}

static struct survey survey_headers(struct MHD_Connection *connection)
{
    struct survey survey = {0};

    MHD_get_connection_values(connection, MHD_HEADER_KIND, look_at, &survey);
    return survey;
}

static bool is_chunked(const char *coding)
{
    return coding != NULL && strcasecmp(coding, "chunked") == 0;
}

const char *framing_fault(struct MHD_Connection *connection, const char *version)
{
    struct survey survey = survey_headers(connection);

    if (survey.malformed_name)
        return "a header name is malformed";
    if (survey.hosts > 1)
        return "more than one Host header";
    if (survey.codings > 0 && survey.lengths > 0)
        return "both Content-Length and Transfer-Encoding";
    if (survey.lengths > 1)
        return "more than one Content-Length";
    if (survey.codings > 1 || (survey.codings == 1 && !is_chunked(survey.coding)))
        return "Transfer-Encoding must be chunked, and nothing else";
    if (survey.codings > 0 && !str_equal(version, "HTTP/1.1"))
        return "Transfer-Encoding needs HTTP/1.1";
    return NULL;
}

struct framing framing_read(struct MHD_Connection *connection)
{
    struct survey survey = survey_headers(connection);
    const char *expect = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Expect");
    struct framing framing = {
        .is_chunked = survey.codings > 0,
        .waits = expect != NULL && strcasecmp(expect, "100-continue") == 0,
    };

    /* The library has refused what is no number or too large for one. */
    if (survey.length != NULL)
        framing.length = strtoull(survey.length, NULL, 10);
    framing.has_body = framing.is_chunked || framing.length > 0;
    return framing;
}

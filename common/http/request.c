/* request.c - see http.h: what a handler may ask about its request. */
#include <string.h>
#include <strings.h>

#include "common/http/internal.h"

const char *http_request_param(const struct http_request *request, const char *name)
{
    return request->match.params[route_param_index(request->match.route, name)];
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

struct line_search {
    const char *name;
    void (*visit)(void *context, const char *value);
    void *context;
};

static enum MHD_Result look_at(void *context, enum MHD_ValueKind kind, const char *name,
                               const char *value)
{
    const struct line_search *search = context;

    (void)kind;
    if (strcasecmp(name, search->name) == 0)
        search->visit(search->context, value != NULL ? value : "");
    return MHD_YES;
}

void request_each_line(const struct http_request *request, const char *name,
                       void (*visit)(void *context, const char *value), void *context)
{
    struct line_search search = {name, visit, context};

    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, look_at, &search);
}

const char *http_request_body(const struct http_request *request, size_t *len)
{
    *len = request->body_len;
    return request->body != NULL ? request->body : "";
}

/* "charset=utf-8", quoted or not, ends the parameter it stands in; any other charset is refused. */
static bool charset_is_utf8(const char *p)
{
    static const char utf8[] = "utf-8";
    bool quoted = *p == '"';

    p += quoted;
    if (strncasecmp(p, utf8, sizeof(utf8) - 1) != 0)
        return false;
    p += sizeof(utf8) - 1;
    if (quoted && *p++ != '"')
        return false;
    p = field_skip_space(p);
    return *p == '\0' || *p == ';';
}

static bool is_json_type(const char *type)
{
    static const char json[] = "application/json", charset[] = "charset=";
    const char *p = field_skip_space(type);

    if (strncasecmp(p, json, sizeof(json) - 1) != 0)
        return false;
    p = field_skip_space(p + sizeof(json) - 1);
    while (*p == ';') {
        p = field_skip_space(p + 1);
        if (strncasecmp(p, charset, sizeof(charset) - 1) == 0 &&
            !charset_is_utf8(p + sizeof(charset) - 1))
            return false;
        p += strcspn(p, ";");
    }
    return *p == '\0';
}

bool http_request_is_json(const struct http_request *request)
{
    const char *type = http_request_header(request, "Content-Type");
    const char *coding = http_request_header(request, "Content-Encoding");

    return type != NULL && is_json_type(type) &&
           (coding == NULL || strcasecmp(coding, "identity") == 0);
}

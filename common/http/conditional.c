/* conditional.c - If-None-Match and 304 (RFC 9110, sections 8.8.3 and 13.1.2). */
#include <string.h>

#include "common/http/internal.h"

/* Without what makes it weak: a reader who has an equivalent needs no other copy. */
static const char *opaque_tag(const char *etag)
{
    return strncmp(etag, "W/", 2) == 0 ? etag + 2 : etag;
}

static bool is_star(const char *list)
{
    return *list == '*' && *field_skip_space(list + 1) == '\0';
}

bool etag_is_listed(const char *list, const char *etag)
{
    const char *wanted = opaque_tag(etag), *p = field_skip_space(list);
    size_t wanted_len = strlen(wanted);

    if (is_star(p))
        return true;
    while (*(p += strspn(p, " \t,")) != '\0') {
        const char *tag = opaque_tag(p), *end = *tag == '"' ? strchr(tag + 1, '"') : NULL;

        if (end == NULL)
            return false; /* where the next one begins is anybody's guess */
        if ((size_t)(end + 1 - tag) == wanted_len && memcmp(tag, wanted, wanted_len) == 0)
            return true;
        p = end + 1;
    }
    return false;
}

struct search {
    const char *etag;
    bool found;
};

static void on_line(void *context, const char *value)
{
    struct search *search = context;

    if (etag_is_listed(value, search->etag))
        search->found = true;
}

bool http_request_matches(const struct http_request *request, const char *etag)
{
    struct search search = {.etag = etag};

    request_each_line(request, "If-None-Match", on_line, &search);
    return search.found;
}

void http_answer_not_modified(struct http_request *request)
{
    answer_empty(request, MHD_HTTP_NOT_MODIFIED);
}

/* problem.c - RFC 9457 documents. "type" is about:blank: the status says all a program needs. */
#include "common/http/internal.h"

static json_t *fault_list(const struct http_fault *faults, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count && i < HTTP_FAULTS_MAX; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "pointer", faults[i].pointer, "detail",
                                              faults[i].detail));
    return list;
}

json_t *problem_document(unsigned status, const char *detail, const struct http_fault *faults,
                         size_t fault_count)
{
    json_t *document = json_pack("{s:s, s:s, s:i}", "type", "about:blank", "title",
                                 MHD_get_reason_phrase_for(status), "status", (int)status);

    if (document == NULL)
        return NULL;
    if (detail != NULL)
        json_object_set_new(document, "detail", json_string(detail));
    if (fault_count > 0)
        json_object_set_new(document, "errors", fault_list(faults, fault_count));
    return document;
}

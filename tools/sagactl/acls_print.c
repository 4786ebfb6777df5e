/* acls_print.c - `sagactl acls`: what to permit, in the words of whoever is to do it. */
#include <stdlib.h>

#include "common/base/util.h"
#include "tools/sagactl/acls.h"
#include "tools/sagactl/acls_document.h"
#include "tools/sagactl/commands.h"

#define CLUSTER_DEFAULT "saga"

static enum exit_code print(const struct invocation *in, const struct acls *acls, struct error *err)
{
    const char *format = in->options[ACLS_PRINT_FORMAT];
    const char *cluster = in->options[ACLS_PRINT_CLUSTER];

    if (format == NULL || str_equal(format, "kafka-acls")) {
        acls_print_script(acls, stdout);
        return EXIT_CODE_OK;
    }
    if (str_equal(format, "json"))
        return acls_print_json(acls, stdout, err) < 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
    if (str_equal(format, "strimzi"))
        return acls_print_strimzi(acls, cluster != NULL ? cluster : CLUSTER_DEFAULT, stdout, err) <
                       0
                   ? EXIT_CODE_FAILED
                   : EXIT_CODE_OK;
    error_set(err, 0, "--format must be kafka-acls, json or strimzi");
    return EXIT_CODE_USAGE;
}

enum exit_code acls_print(const struct invocation *in, struct error *err)
{
    const char *prefix = in->options[ACLS_PRINCIPAL_PREFIX];
    struct acls *acls = malloc(sizeof(*acls));
    enum exit_code code = EXIT_CODE_USAGE;

    if (acls == NULL) {
        error_set(err, 0, "out of memory");
        return EXIT_CODE_FAILED;
    }
    if (acls_init(acls, prefix != NULL ? prefix : "", in->settings->topic_prefix, err) == 0)
        code = print(in, acls, err);
    free(acls);
    return code;
}

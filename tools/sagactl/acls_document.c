/* acls_document.c - see acls_document.h. JSON is YAML, so kubectl takes it as it is. */
#include "tools/sagactl/acls_document.h"

#include <jansson.h>

#include "tools/sagactl/document.h"

static const char *script_option(enum grant_resource resource)
{
    static const char *const options[GRANT_RESOURCE_COUNT] = {
        [GRANT_RESOURCE_NONE] = "",
        [GRANT_TOPIC] = "--topic",
        [GRANT_GROUP] = "--group",
        [GRANT_TRANSACTIONAL_ID] = "--transactional-id",
    };

    return options[resource];
}

void acls_print_script(const struct acls *acls, FILE *out)
{
    fputs("set -e\n", out);
    for (size_t i = 0; i < PRINCIPAL_COUNT; i++)
        for (size_t g = 0; g < acls->principals[i].grant_count; g++) {
            const struct principal *principal = &acls->principals[i];
            const struct grant *grant = &principal->grants[g];

            fprintf(out, "kafka-acls.sh \"$@\" --add --allow-principal User:%s", principal->name);
            for (unsigned bit = 1; bit < GRANT_OPERATION_END; bit <<= 1)
                if ((grant->operations & bit) != 0)
                    fprintf(out, " --operation %s",
                            grant_operation_name((enum grant_operation)bit));
            fprintf(out, " %s %s\n", script_option(grant->resource), grant->name);
        }
}

static json_t *operations(const struct grant *grant)
{
    json_t *list = json_array();

    for (unsigned bit = 1; bit < GRANT_OPERATION_END; bit <<= 1)
        if ((grant->operations & bit) != 0)
            json_array_append_new(list,
                                  json_string(grant_operation_name((enum grant_operation)bit)));
    return list;
}

static json_t *grants(const struct principal *principal)
{
    json_t *list = json_array();

    for (size_t i = 0; i < principal->grant_count; i++) {
        const struct grant *grant = &principal->grants[i];

        json_array_append_new(list, json_pack("{s{ssssss} so ss}", "resource", "type",
                                              grant_resource_name(grant->resource), "name",
                                              grant->name, "patternType", "literal", "operations",
                                              operations(grant), "host", "*"));
    }
    return list;
}

int acls_print_json(const struct acls *acls, FILE *out, struct error *err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < PRINCIPAL_COUNT; i++) {
        const struct principal *principal = &acls->principals[i];

        json_array_append_new(list, json_pack("{ss+ ss so}", "principal", "User:", principal->name,
                                              "role", principal->role, "acls", grants(principal)));
    }
    return document_print(json_pack("{so}", "principals", list), out, err);
}

static json_t *kafka_user(const struct principal *principal, const char *cluster)
{
    return json_pack("{ss ss s{ss s{ss}} s{s{ss} s{ss so}}}", "apiVersion", "kafka.strimzi.io/v1",
                     "kind", "KafkaUser", "metadata", "name", principal->name, "labels",
                     "strimzi.io/cluster", cluster, "spec", "authentication", "type",
                     "scram-sha-512", "authorization", "type", "simple", "acls", grants(principal));
}

int acls_print_strimzi(const struct acls *acls, const char *cluster, FILE *out, struct error *err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < PRINCIPAL_COUNT; i++)
        json_array_append_new(list, kafka_user(&acls->principals[i], cluster));
    return document_print(
        json_pack("{ss ss so}", "apiVersion", "v1", "kind", "List", "items", list), out, err);
}

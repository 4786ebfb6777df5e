/*
 * acls_apply.c - `sagactl acls apply`: gives each principal what it lacks, and reports what it has
 * beside. Deletes nothing, since a person may have had a reason. Run again, it changes nothing.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/util.h"
#include "tools/sagactl/acls.h"
#include "tools/sagactl/admin.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/table.h"

#define PRINCIPAL_TEXT_SIZE (PRINCIPAL_SIZE + 8)
#define NUMBER_SIZE 24
#define ANY_HOST "*"
/* Single operations of one principal. */
#define BINDINGS_MAX (GRANTS_MAX * 4)

struct permission {
    rd_kafka_ResourceType_t resource;
    const char *name;
    rd_kafka_AclOperation_t operation;
};

struct permissions {
    size_t count;
    struct permission list[BINDINGS_MAX];
};

struct apply {
    struct cluster cluster;
    struct acls acls;
    struct permissions wanted, missing;
    struct table *results, *beside;
    bool dry_run;
};

static rd_kafka_ResourceType_t resource_type(enum grant_resource resource)
{
    static const rd_kafka_ResourceType_t types[GRANT_RESOURCE_COUNT] = {
        [GRANT_RESOURCE_NONE] = RD_KAFKA_RESOURCE_UNKNOWN,
        [GRANT_TOPIC] = RD_KAFKA_RESOURCE_TOPIC,
        [GRANT_GROUP] = RD_KAFKA_RESOURCE_GROUP,
        [GRANT_TRANSACTIONAL_ID] = RD_KAFKA_RESOURCE_TRANSACTIONAL_ID,
    };

    return types[resource];
}

static rd_kafka_AclOperation_t operation_of(enum grant_operation operation)
{
    switch (operation) {
    case GRANT_READ:
        return RD_KAFKA_ACL_OPERATION_READ;
    case GRANT_WRITE:
        return RD_KAFKA_ACL_OPERATION_WRITE;
    case GRANT_DESCRIBE:
        return RD_KAFKA_ACL_OPERATION_DESCRIBE;
    case GRANT_DESCRIBE_CONFIGS:
        return RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS;
    case GRANT_OPERATION_END:
        break;
    }
    return RD_KAFKA_ACL_OPERATION_UNKNOWN;
}

static void want(const struct principal *principal, struct permissions *ret)
{
    ret->count = 0;
    for (size_t i = 0; i < principal->grant_count; i++)
        for (unsigned bit = 1; bit < GRANT_OPERATION_END; bit <<= 1)
            if ((principal->grants[i].operations & bit) != 0)
                ret->list[ret->count++] = (struct permission){
                    .resource = resource_type(principal->grants[i].resource),
                    .name = principal->grants[i].name,
                    .operation = operation_of((enum grant_operation)bit),
                };
}

static const char *principal_text(const struct principal *principal, char out[PRINCIPAL_TEXT_SIZE])
{
    snprintf(out, PRINCIPAL_TEXT_SIZE, "User:%s", principal->name);
    return out;
}

/* All that is granted to it by its name: prefixes and wildcards, too. `ret` is the caller's. */
static int describe(struct apply *apply, const char *name, rd_kafka_event_t **ret,
                    struct error *err)
{
    CLEANUP(admin_close) struct admin_request request = {0};
    rd_kafka_AclBindingFilter_t *filter = rd_kafka_AclBindingFilter_new(
        RD_KAFKA_RESOURCE_ANY, NULL, RD_KAFKA_RESOURCE_PATTERN_ANY, name, NULL,
        RD_KAFKA_ACL_OPERATION_ANY, RD_KAFKA_ACL_PERMISSION_TYPE_ANY, NULL, 0);

    if (filter == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    admin_open(&apply->cluster, RD_KAFKA_ADMIN_OP_DESCRIBEACLS, &request);
    rd_kafka_DescribeAcls(apply->cluster.client, filter, request.options, request.replies);
    rd_kafka_AclBinding_destroy(filter);
    return admin_wait(&apply->cluster, &request, "describe permissions", ret, err);
}

static bool is_same(const struct permission *permission, const rd_kafka_AclBinding_t *binding)
{
    return rd_kafka_AclBinding_restype(binding) == permission->resource &&
           str_equal(rd_kafka_AclBinding_name(binding), permission->name) &&
           rd_kafka_AclBinding_operation(binding) == permission->operation &&
           rd_kafka_AclBinding_resource_pattern_type(binding) ==
               RD_KAFKA_RESOURCE_PATTERN_LITERAL &&
           rd_kafka_AclBinding_permission_type(binding) == RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW &&
           str_equal(rd_kafka_AclBinding_host(binding), ANY_HOST);
}

static bool is_held(const struct permission *permission, const rd_kafka_AclBinding_t **bindings,
                    size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_same(permission, bindings[i]))
            return true;
    return false;
}

static bool is_wanted(const struct permissions *wanted, const rd_kafka_AclBinding_t *binding)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (is_same(&wanted->list[i], binding))
            return true;
    return false;
}

static int add_beside(struct apply *apply, const rd_kafka_AclBinding_t *binding, struct error *err)
{
    return table_add(
        apply->beside,
        (const char *[]){
            rd_kafka_AclBinding_principal(binding),
            rd_kafka_AclPermissionType_name(rd_kafka_AclBinding_permission_type(binding)),
            rd_kafka_AclOperation_name(rd_kafka_AclBinding_operation(binding)),
            rd_kafka_ResourceType_name(rd_kafka_AclBinding_restype(binding)),
            rd_kafka_AclBinding_name(binding)},
        err);
}

/* What is missing goes to apply->missing, what is held beside to the table. */
static int compare(struct apply *apply, rd_kafka_event_t *event, size_t *beside, struct error *err)
{
    size_t count;
    const rd_kafka_AclBinding_t **bindings =
        rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(event), &count);
    int r = 0;

    apply->missing.count = 0;
    *beside = 0;
    for (size_t i = 0; i < apply->wanted.count; i++)
        if (!is_held(&apply->wanted.list[i], bindings, count))
            apply->missing.list[apply->missing.count++] = apply->wanted.list[i];
    for (size_t i = 0; r == 0 && i < count; i++)
        if (!is_wanted(&apply->wanted, bindings[i])) {
            ++*beside;
            r = add_beside(apply, bindings[i], err);
        }
    return r;
}

/* One that is refused is an error: none is optional. */
static int check_created(rd_kafka_event_t *event, const struct permissions *sent, struct error *err)
{
    size_t count;
    const rd_kafka_acl_result_t **results =
        rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event), &count);

    for (size_t i = 0; i < count && i < sent->count; i++) {
        const rd_kafka_error_t *error = rd_kafka_acl_result_error(results[i]);

        if (error != NULL)
            return error_set(err, -EIO, "cannot permit %s on %s: %s",
                             rd_kafka_AclOperation_name(sent->list[i].operation),
                             sent->list[i].name, /* the broker's own words are a dump of Java */
                             rd_kafka_err2str(rd_kafka_error_code(error)));
    }
    return 0;
}

static int create(struct apply *apply, const char *principal, struct error *err)
{
    CLEANUP(admin_close) struct admin_request request = {0};
    CLEANUP(admin_event_cleanup) rd_kafka_event_t *event = NULL;
    rd_kafka_AclBinding_t *bindings[BINDINGS_MAX];
    const struct permissions *missing = &apply->missing;

    if (missing->count == 0 || apply->dry_run)
        return 0;
    for (size_t i = 0; i < missing->count; i++)
        bindings[i] = rd_kafka_AclBinding_new(missing->list[i].resource, missing->list[i].name,
                                              RD_KAFKA_RESOURCE_PATTERN_LITERAL, principal,
                                              ANY_HOST, missing->list[i].operation,
                                              RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, NULL, 0);
    admin_open(&apply->cluster, RD_KAFKA_ADMIN_OP_CREATEACLS, &request);
    rd_kafka_CreateAcls(apply->cluster.client, bindings, missing->count, request.options,
                        request.replies);
    rd_kafka_AclBinding_destroy_array(bindings, missing->count);

    int r = admin_wait(&apply->cluster, &request, "create permissions", &event, err);

    return r < 0 ? r : check_created(event, missing, err);
}

static int apply_principal(struct apply *apply, const struct principal *principal,
                           struct error *err)
{
    CLEANUP(admin_event_cleanup) rd_kafka_event_t *event = NULL;
    char name[PRINCIPAL_TEXT_SIZE], wanted[NUMBER_SIZE], missing[NUMBER_SIZE], more[NUMBER_SIZE];
    size_t beside = 0;
    int r = describe(apply, principal_text(principal, name), &event, err);

    want(principal, &apply->wanted);
    if (r == 0)
        r = compare(apply, event, &beside, err);
    if (r == 0)
        r = create(apply, name, err);
    if (r < 0)
        return r;
    snprintf(wanted, sizeof(wanted), "%zu", apply->wanted.count);
    snprintf(missing, sizeof(missing), "%zu", apply->missing.count);
    snprintf(more, sizeof(more), "%zu", beside);
    return table_add(apply->results, (const char *[]){name, wanted, missing, more}, err);
}

static int apply_all(struct apply *apply, struct error *err)
{
    const struct table_column results[] = {{"PRINCIPAL", false},
                                           {"NEEDS", true},
                                           {apply->dry_run ? "MISSING" : "ADDED", true},
                                           {"BESIDE", true}};
    static const struct table_column beside[] = {{"PRINCIPAL", false},
                                                 {"BESIDE", false},
                                                 {"OPERATION", false},
                                                 {"RESOURCE", false},
                                                 {"NAME", false}};
    int r = table_new(results, ARRAY_LEN(results), &apply->results, err);

    if (r == 0)
        r = table_new(beside, ARRAY_LEN(beside), &apply->beside, err);
    for (size_t i = 0; r == 0 && i < PRINCIPAL_COUNT; i++)
        r = apply_principal(apply, &apply->acls.principals[i], err);
    if (r < 0)
        return r;
    table_print(apply->results, stdout);
    if (table_row_count(apply->beside) > 0) {
        putchar('\n');
        table_print(apply->beside, stdout);
    }
    return 0;
}

static enum exit_code run(const struct invocation *in, struct apply *apply, struct error *err)
{
    const char *prefix = in->options[ACLS_PRINCIPAL_PREFIX];
    int r;

    apply->dry_run = in->options[ACLS_APPLY_DRY_RUN] != NULL;
    if (acls_init(&apply->acls, prefix != NULL ? prefix : "", in->settings->topic_prefix, err) <
            0 ||
        cluster_open_admin(in->settings, &apply->cluster, err) < 0)
        return EXIT_CODE_USAGE;
    r = apply_all(apply, err);
    table_free(apply->results);
    table_free(apply->beside);
    cluster_close(&apply->cluster);
    return r < 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

enum exit_code acls_apply(const struct invocation *in, struct error *err)
{
    struct apply *apply = calloc(1, sizeof(*apply));
    enum exit_code code = EXIT_CODE_FAILED;

    if (apply == NULL)
        error_set(err, 0, "out of memory");
    else
        code = run(in, apply, err);
    free(apply);
    return code;
}

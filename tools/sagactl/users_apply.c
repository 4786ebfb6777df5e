/*
 * users_apply.c - `sagactl users apply`: tells the cluster the passwords of its principals, for
 * SCRAM-SHA-512. They come from files and go nowhere else. Run again, or after a file has changed,
 * it makes the cluster agree with the files; who is connected stays so.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "tools/sagactl/acls.h"
#include "tools/sagactl/admin.h"
#include "tools/sagactl/commands.h"

#define PATH_SIZE 4096
#define PASSWORD_SIZE 256
/* Short ones can be guessed from what an eavesdropper of the cluster's log would see. */
#define PASSWORD_LEN_MIN 12
/* Kafka's own least is 4096; each connection costs them once. */
#define ITERATIONS 8192

struct passwords {
    char text[PRINCIPAL_COUNT][PASSWORD_SIZE];
};

/* The first line of the file; what it says is never repeated. */
static int read_password(const char *path, char out[PASSWORD_SIZE], struct error *err)
{
    FILE *file = fopen(path, "r");
    size_t len;

    if (file == NULL)
        return error_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
    errno = 0;
    if (fgets(out, PASSWORD_SIZE, file) == NULL)
        out[0] = '\0';
    fclose(file);
    len = strcspn(out, "\r\n");
    if (len >= PASSWORD_SIZE - 1 || len < PASSWORD_LEN_MIN)
        return error_set(err, -EINVAL, "%s: its first line must be a password of %d to %d bytes",
                         path, PASSWORD_LEN_MIN, PASSWORD_SIZE - 2);
    out[len] = '\0';
    return 0;
}

/* All are read before the first is told. */
static int read_passwords(const struct acls *acls, const char *directory, struct passwords *ret,
                          struct error *err)
{
    char path[PATH_SIZE];
    int r = 0;

    for (size_t i = 0; r == 0 && i < PRINCIPAL_COUNT; i++) {
        if (snprintf(path, sizeof(path), "%s/%s.password", directory, acls->principals[i].name) >=
            (int)sizeof(path))
            return error_set(err, -EINVAL, "the directory's name is too long");
        r = read_password(path, ret->text[i], err);
    }
    return r;
}

static int check_results(rd_kafka_event_t *event, struct error *err)
{
    size_t count;
    const rd_kafka_AlterUserScramCredentials_result_response_t **responses =
        rd_kafka_AlterUserScramCredentials_result_responses(
            rd_kafka_event_AlterUserScramCredentials_result(event), &count);

    for (size_t i = 0; i < count; i++) {
        const rd_kafka_error_t *error =
            rd_kafka_AlterUserScramCredentials_result_response_error(responses[i]);

        if (error != NULL && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR)
            return error_set(err, -EIO, "cannot set the password of %s: %s",
                             rd_kafka_AlterUserScramCredentials_result_response_user(responses[i]),
                             rd_kafka_error_string(error));
    }
    return 0;
}

static int tell(struct cluster *cluster, const struct acls *acls, const struct passwords *passwords,
                struct error *err)
{
    CLEANUP(admin_close) struct admin_request request = {0};
    CLEANUP(admin_event_cleanup) rd_kafka_event_t *event = NULL;
    rd_kafka_UserScramCredentialAlteration_t *alterations[PRINCIPAL_COUNT];

    for (size_t i = 0; i < PRINCIPAL_COUNT; i++) /* without a salt, a random one is made */
        alterations[i] = rd_kafka_UserScramCredentialUpsertion_new(
            acls->principals[i].name, RD_KAFKA_SCRAM_MECHANISM_SHA_512, ITERATIONS,
            (const unsigned char *)passwords->text[i], strlen(passwords->text[i]), NULL, 0);
    admin_open(cluster, RD_KAFKA_ADMIN_OP_ALTERUSERSCRAMCREDENTIALS, &request);
    rd_kafka_AlterUserScramCredentials(cluster->client, alterations, PRINCIPAL_COUNT,
                                       request.options, request.replies);
    rd_kafka_UserScramCredentialAlteration_destroy_array(alterations, PRINCIPAL_COUNT);

    int r = admin_wait(cluster, &request, "set passwords", &event, err);

    return r < 0 ? r : check_results(event, err);
}

enum exit_code users_apply(const struct invocation *in, struct error *err)
{
    const char *prefix = in->options[USERS_APPLY_PRINCIPAL_PREFIX];
    CLEANUP(free_ptr) struct acls *acls = malloc(sizeof(*acls));
    struct passwords passwords = {0};
    struct cluster cluster;
    int r;

    if (acls == NULL) {
        error_set(err, 0, "out of memory");
        return EXIT_CODE_FAILED;
    }
    if (acls_init(acls, prefix != NULL ? prefix : "", in->settings->topic_prefix, err) < 0 ||
        read_passwords(acls, in->arguments[0], &passwords, err) < 0 ||
        cluster_open_admin(in->settings, &cluster, err) < 0)
        return EXIT_CODE_USAGE;
    r = tell(&cluster, acls, &passwords, err);
    for (size_t i = 0; r == 0 && i < PRINCIPAL_COUNT; i++)
        printf("%s\n", acls->principals[i].name);
    cluster_close(&cluster);
    return r < 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

/* resolver.c - see resolver.h. */
#include "tools/sagactl/resolver.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/kafka/dead_letter.h"
#include "tools/sagactl/ends.h"
#include "tools/sagactl/resolutions.h"

#define NAME_SIZE 256
/* How long one look at a full queue takes. */
#define QUEUE_POLL_MS 10
#define READABLE_MS_MAX 5000
#define HEADER_PREFIX "dead_letter_"

static int transaction_error(struct resolver *resolver, rd_kafka_error_t *failure, const char *what,
                             struct error *err)
{
    CLEANUP(kafka_error_cleanup) rd_kafka_error_t *error = failure;
    int r = kafka_error(rd_kafka_error_code(error), what, NULL);

    if (r == -EPERM)
        return error_set(err, r,
                         "somebody else resolves dead letters of %s: nothing was written, run it "
                         "again",
                         resolver->service->name);
    if (r == -ETIMEDOUT || rd_kafka_error_is_retriable(error))
        return cluster_no_answer(&resolver->cluster, err);
    return error_set(err, -EIO, "%s: %s", what, rd_kafka_error_string(error));
}

/* Asked for beforehand, the leaders are known when the first record is produced. */
static int meet_topics(struct resolver *resolver, struct error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_t *client = resolver->cluster.client;

    for (size_t i = 0; i < resolver->topics.count; i++) {
        const char *name = resolver->topics.list[i].name;
        rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
        rd_kafka_resp_err_t code =
            topic == NULL ? rd_kafka_last_error()
                          : rd_kafka_metadata(client, 0, topic, &metadata, CLUSTER_TIMEOUT_MS);

        if (topic != NULL)
            rd_kafka_topic_destroy(topic);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            return kafka_error(code, name, err);
        rd_kafka_metadata_destroy(metadata);
    }
    return 0;
}

int resolver_open(const struct tool_settings *settings, const struct letter_service *service,
                  struct resolver *ret, struct error *err)
{
    const enum topic wanted[] = {service->replays, TOPIC_STOCK_RECEIPTS};
    char id[NAME_SIZE];
    rd_kafka_error_t *error;
    int r;

    ret->service = service;
    snprintf(id, sizeof(id), "%ssagactl-replays-%s", settings->topic_prefix, service->name);
    r = cluster_open_transactional(settings, id, RESOLVER_TRANSACTION_MS, &ret->cluster, err);
    if (r < 0)
        return r;
    r = topics_describe(ret->cluster.client, settings->topic_prefix, wanted, ARRAY_LEN(wanted),
                        CLUSTER_TIMEOUT_MS, &ret->topics, err);
    if (r == 0)
        r = meet_topics(ret, err);
    if (r < 0)
        return r == -ETIMEDOUT ? cluster_no_answer(&ret->cluster, err) : r;
    error = rd_kafka_init_transactions(ret->cluster.client, CLUSTER_TIMEOUT_MS);
    return error == NULL ? 0 : transaction_error(ret, error, "cannot fence others", err);
}

/* What cannot be given up now, the broker gives up when the next one opens, or by itself. */
void resolver_close(struct resolver *resolver)
{
    if (resolver->in_transaction) {
        rd_kafka_error_t *error =
            rd_kafka_abort_transaction(resolver->cluster.client, CLUSTER_TIMEOUT_MS);

        if (error != NULL)
            rd_kafka_error_destroy(error);
    }
    cluster_close(&resolver->cluster);
}

static int begin(struct resolver *resolver, struct error *err)
{
    rd_kafka_error_t *error;

    if (resolver->in_transaction)
        return 0;
    error = rd_kafka_begin_transaction(resolver->cluster.client);
    if (error != NULL)
        return transaction_error(resolver, error, "cannot begin a transaction", err);
    resolver->in_transaction = true;
    return 0;
}

/* Takes `headers`. `value` NULL: no value. */
static int add_record(struct resolver *resolver, enum topic topic, const struct bytes *key,
                      const struct bytes *value, rd_kafka_headers_t *headers, struct error *err)
{
    const char *name = topic_state(&resolver->topics, topic)->name;
    int64_t end_ms = clock_monotonic_ms() + CLUSTER_TIMEOUT_MS;
    rd_kafka_resp_err_t code;
    int r = begin(resolver, err);

    if (r < 0) {
        rd_kafka_headers_destroy(headers);
        return r;
    }
    do {
        code = rd_kafka_producev(
            resolver->cluster.client, RD_KAFKA_V_TOPIC(name), RD_KAFKA_V_KEY(key->data, key->len),
            RD_KAFKA_V_VALUE((void *)value->data, value->len), RD_KAFKA_V_HEADERS(headers),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            break;
        rd_kafka_poll(resolver->cluster.client, QUEUE_POLL_MS);
    } while (clock_monotonic_ms() < end_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    rd_kafka_headers_destroy(headers);
    return transaction_error(resolver, rd_kafka_error_new(code, "%s", rd_kafka_err2str(code)),
                             "cannot write", err);
}

static void add_header(rd_kafka_headers_t *headers, const char *name, const char *value)
{
    rd_kafka_resp_err_t code = rd_kafka_header_add(headers, name, -1, value, -1);

    assert(code == RD_KAFKA_RESP_ERR_NO_ERROR); /* fails on read-only headers only */
    (void)code;
}

static void add_id(rd_kafka_headers_t *headers, const struct letter *letter)
{
    char id[LETTER_ID_SIZE];

    letter_id_format(&letter->id, id);
    add_header(headers, DEAD_LETTER_ID, id);
}

/* As the record had them before it was refused, and the id behind them. */
static rd_kafka_headers_t *replay_headers(const struct letter *letter)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8), *refused;
    const char *name;
    const void *value;
    size_t len;

    for (size_t i = 0;
         rd_kafka_message_headers(letter->record, &refused) == RD_KAFKA_RESP_ERR_NO_ERROR &&
         rd_kafka_header_get_all(refused, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++)
        if (strncmp(name, HEADER_PREFIX, strlen(HEADER_PREFIX)) != 0)
            (void)rd_kafka_header_add(headers, name, -1, value, (ssize_t)len); /* as above */
    add_id(headers, letter);
    return headers;
}

/* A mark has the key of its letter, or else its id, so that it has one. */
static int send_mark(struct resolver *resolver, const struct letter *letter, const char *resolution,
                     const char *reason, struct error *err)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(3);
    struct bytes key = letter->key, none = {0};
    char id[LETTER_ID_SIZE];

    letter_id_format(&letter->id, id);
    if (key.data == NULL)
        key = (struct bytes){id, strlen(id)};
    add_id(headers, letter);
    add_header(headers, DEAD_LETTER_RESOLUTION, resolution);
    if (reason != NULL)
        add_header(headers, RESOLUTION_REASON, reason);
    return add_record(resolver, resolver->service->replays, &key, &none, headers, err);
}

int resolver_replay(struct resolver *resolver, const struct letter *letter, enum topic target,
                    struct error *err)
{
    int r = add_record(resolver, target, &letter->key, &letter->value, replay_headers(letter), err);

    if (r == 0 && target != resolver->service->replays)
        r = send_mark(resolver, letter, DEAD_LETTER_REPLAYED, NULL, err);
    return r;
}

int resolver_discard(struct resolver *resolver, const struct letter *letter, const char *reason,
                     struct error *err)
{
    return send_mark(resolver, letter, DEAD_LETTER_DISCARDED, reason, err);
}

/* Also true if there is nobody to ask: what was committed stays so. */
static bool is_readable(struct resolver *resolver)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *open = NULL;
    struct error err;

    return ends_find_open(&resolver->cluster, &resolver->topics, &open, &err) < 0 || open->cnt == 0;
}

/* A commit returns before its markers are written. Who lists the letters next shall see it. */
static void wait_readable(struct resolver *resolver)
{
    int64_t end_ms = clock_monotonic_ms() + READABLE_MS_MAX;

    while (!is_readable(resolver) && clock_monotonic_ms() < end_ms)
        rd_kafka_poll(resolver->cluster.client, QUEUE_POLL_MS);
}

int resolver_commit(struct resolver *resolver, struct error *err)
{
    rd_kafka_error_t *error;
    int r;

    if (!resolver->in_transaction)
        return 0;
    error = rd_kafka_commit_transaction(resolver->cluster.client, CLUSTER_TIMEOUT_MS);
    resolver->in_transaction = error != NULL;
    if (error == NULL) {
        wait_readable(resolver);
        return 0;
    }
    r = transaction_error(resolver, error, "cannot commit", err);
    return r == -EPERM ? r : error_prefix(err, r, "what was written is not known, run it again");
}

/*
 * stage.c - one stage of the chain that bench.py measures the saga against: it takes the JSON of a
 * topic apart, builds a new event around the same data and writes that to the next topic, in
 * transactions. Clients, batches and bookmarks are those of common/kafka (client.c, session.c,
 * work.c, publisher.c).
 *
 * What it leaves out is what a service costs beyond Kafka and JSON: a state and its cache, rules,
 * the schemas' checks, CloudEvents headers, derived ids, an election, recovery. Any error ends it.
 *
 *   stage BOOTSTRAP ID FROM TO     until SIGTERM; prints "ready" once it is assigned its partitions
 *   stage --version                the libraries that it runs with
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/base/uuid.h"
#include "common/kafka/client.h"

/* As in session.c and work.c. */
#define BATCH_RECORDS 2000
#define BATCH_MS_MAX 100
#define BATCH_CLOCK_RECORDS 32
#define BOOKMARK_MS 500
#define IDLE_POLL_MS 100

#define PARTITIONS_MAX 64
#define FENCE_MS 30000
#define REQUEST_MS 10000
#define QUEUE_POLL_MS 10
#define JSON_BYTES (256 * 1024) /* for one document, read or built or written */

struct stage {
    const char *id, *from, *to;
    rd_kafka_t *consumer, *producer;
    int32_t partition_count;
    int64_t next[PARTITIONS_MAX]; /* to consume; -1: nothing consumed since the last bookmark */
    int64_t saved_ms;             /* monotonic: when the bookmark was last saved */
    bool in_transaction;
    uint8_t last_id[16]; /* counted up: random bits would cost a system call each */
    char parsed[JSON_BYTES], built[JSON_BYTES], written[JSON_BYTES];
};

static atomic_bool is_stopping;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&is_stopping, true);
}

static void die(const struct stage *stage, const char *what, const char *why)
{
    fprintf(stderr, "stage %s: %s: %s\n", stage->id, what, why);
    exit(EXIT_FAILURE);
}

static void check_code(const struct stage *stage, const char *what, rd_kafka_resp_err_t code)
{
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        die(stage, what, rd_kafka_err2str(code));
}

/* Takes `error`. */
static void check(const struct stage *stage, const char *what, rd_kafka_error_t *error)
{
    CLEANUP(kafka_error_cleanup) rd_kafka_error_t *owned = error;

    if (owned != NULL)
        die(stage, what, rd_kafka_error_string(owned));
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void next_id(struct stage *stage, char out[UUID_SIZE])
{
    for (size_t i = sizeof(stage->last_id); i-- > 9;) /* the version and the variant stay */
        if (++stage->last_id[i] != 0)
            break;
    uuid_from_bytes(stage->last_id, out);
}

static void add_text(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *name, const char *text)
{
    yyjson_mut_obj_add_str(doc, root, name, text); /* borrowed until it is written */
}

/* The new event's JSON, in stage->written. */
static const char *transform(struct stage *stage, const rd_kafka_message_t *record, size_t *len)
{
    yyjson_alc parse, build, write;
    char event_id[UUID_SIZE], timestamp[TIMESTAMP_SIZE];

    yyjson_alc_pool_init(&parse, stage->parsed, sizeof(stage->parsed));
    yyjson_alc_pool_init(&build, stage->built, sizeof(stage->built));
    yyjson_alc_pool_init(&write, stage->written, sizeof(stage->written));
    /* Numbers stay text, as in common/event: money is not rounded on the way. */
    yyjson_doc *doc =
        yyjson_read_opts(record->payload, record->len, YYJSON_READ_NUMBER_AS_RAW, &parse, NULL);
    yyjson_val *in = yyjson_doc_get_root(doc);
    yyjson_mut_doc *out = yyjson_mut_doc_new(&build);
    yyjson_mut_val *root = yyjson_mut_obj(out);

    next_id(stage, event_id);
    timestamp_format(clock_utc_ms(), timestamp);
    yyjson_mut_doc_set_root(out, root);
    add_text(out, root, "event_id", event_id);
    add_text(out, root, "event_type", "StagePassed");
    add_text(out, root, "timestamp", timestamp);
    add_text(out, root, "correlation_id", yyjson_get_str(yyjson_obj_get(in, "correlation_id")));
    add_text(out, root, "causation_id", yyjson_get_str(yyjson_obj_get(in, "event_id")));
    yyjson_mut_obj_add_int(out, root, "schema_version", 1);
    yyjson_mut_obj_add_val(out, root, "data", yyjson_val_mut_copy(out, yyjson_obj_get(in, "data")));

    const char *json = yyjson_mut_write_opts(out, 0, &write, len, NULL);
    if (json == NULL || yyjson_mut_obj_size(root) != 7)
        die(stage, record->len > 0 ? "not an event" : "an empty record", stage->from);
    return json;
}

/* --- one batch -------------------------------------------------------------------------------- */

static void produce(struct stage *stage, const rd_kafka_message_t *record)
{
    size_t len;
    const char *json = transform(stage, record, &len);
    rd_kafka_resp_err_t code;

    if (!stage->in_transaction)
        check(stage, "cannot begin", rd_kafka_begin_transaction(stage->producer));
    stage->in_transaction = true;
    do {
        code = rd_kafka_producev(stage->producer, RD_KAFKA_V_TOPIC(stage->to),
                                 RD_KAFKA_V_KEY(record->key, record->key_len),
                                 RD_KAFKA_V_VALUE((void *)json, len),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            rd_kafka_poll(stage->producer, QUEUE_POLL_MS);
    } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && !atomic_load(&is_stopping));
    check_code(stage, "cannot produce", code);
}

static void take(struct stage *stage, const rd_kafka_message_t *record)
{
    if (record->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return;
    check_code(stage, "cannot consume", record->err);
    produce(stage, record);
    stage->next[record->partition] = record->offset + 1;
}

static void save_bookmark(struct stage *stage)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(stage->partition_count);
    CLEANUP(metadata_cleanup) rd_kafka_consumer_group_metadata_t *metadata =
        rd_kafka_consumer_group_metadata(stage->consumer);

    for (int32_t p = 0; p < stage->partition_count; p++)
        if (stage->next[p] >= 0)
            rd_kafka_topic_partition_list_add(list, stage->from, p)->offset = stage->next[p];
    check(stage, "cannot save the bookmark",
          rd_kafka_send_offsets_to_transaction(stage->producer, list, metadata, REQUEST_MS));
    memset(stage->next, -1, sizeof(stage->next));
    stage->saved_ms = clock_monotonic_ms();
}

static void commit(struct stage *stage)
{
    if (stage->in_transaction) {
        if (clock_monotonic_ms() - stage->saved_ms >= BOOKMARK_MS)
            save_bookmark(stage);
        check(stage, "cannot commit", rd_kafka_commit_transaction(stage->producer, -1));
        stage->in_transaction = false;
    }
    rd_kafka_poll(stage->producer, 0);
}

static void work(struct stage *stage)
{
    rd_kafka_message_t *record = rd_kafka_consumer_poll(stage->consumer, IDLE_POLL_MS);
    int64_t end_ms = clock_monotonic_ms() + BATCH_MS_MAX;
    bool goes_on = true;

    for (unsigned count = 1; record != NULL; count++) {
        take(stage, record);
        rd_kafka_message_destroy(record);
        if (count % BATCH_CLOCK_RECORDS == 0)
            goes_on = clock_monotonic_ms() < end_ms;
        record =
            goes_on && count < BATCH_RECORDS ? rd_kafka_consumer_poll(stage->consumer, 0) : NULL;
    }
    commit(stage);
}

/* Whoever goes on tomorrow is to begin where this one ends, however long ago the last bookmark. */
static void finish(struct stage *stage)
{
    check(stage, "cannot begin", rd_kafka_begin_transaction(stage->producer));
    save_bookmark(stage);
    check(stage, "cannot commit", rd_kafka_commit_transaction(stage->producer, -1));
    rd_kafka_destroy(stage->producer);
    rd_kafka_destroy_flags(stage->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

/* --- start ------------------------------------------------------------------------------------ */

/* Registered only because a commit takes 11 ms without one, and 2 with. */
static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    (void)producer;
    (void)message;
    (void)opaque;
}

static rd_kafka_t *client_new(const struct stage *stage, const char *bootstrap,
                              enum kafka_client_kind kind)
{
    const struct kafka_config config = {bootstrap, "", "", stage->id};
    const struct kafka_option producing[] = {
        {"transactional.id", stage->id},
        {"transaction.timeout.ms", "10000"},
        {"linger.ms", "10"},
    };
    const struct kafka_option consuming[] = {{"group.id", stage->id}};
    bool consumes = kind == KAFKA_CONSUMER;
    struct error err = {""};
    rd_kafka_conf_t *conf;
    rd_kafka_t *client;

    if (kafka_conf_new(&config, kind, consumes ? consuming : producing,
                       consumes ? ARRAY_LEN(consuming) : ARRAY_LEN(producing), &conf, &err) < 0)
        die(stage, "cannot configure a client", err.text);
    if (!consumes)
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    if (kafka_client_new(conf, kind, &client, &err) < 0)
        die(stage, "cannot create a client", err.text);
    return client;
}

/* Also lets the client meet the topic: its first record would wait for that, up to a second. */
static int32_t partitions_of(const struct stage *stage, rd_kafka_t *client, const char *name)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    const struct rd_kafka_metadata *metadata;
    int32_t count;

    check_code(stage, "cannot describe a topic",
               rd_kafka_metadata(client, 0, topic, &metadata, REQUEST_MS));
    check_code(stage, name, metadata->topics[0].err);
    count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    if (count < 1 || count > PARTITIONS_MAX)
        die(stage, name, "as many partitions are not foreseen");
    return count;
}

/* From the bookmark; from the beginning when there is none. */
static void start(struct stage *stage, const char *bootstrap)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(PARTITIONS_MAX);
    char first_id[UUID_SIZE];

    uuid_v7(clock_utc_ms(), first_id);
    uuid_to_bytes(first_id, stage->last_id);
    memset(stage->next, -1, sizeof(stage->next));
    stage->saved_ms = clock_monotonic_ms();
    stage->consumer = client_new(stage, bootstrap, KAFKA_CONSUMER);
    stage->producer = client_new(stage, bootstrap, KAFKA_PRODUCER);
    check(stage, "cannot fence", rd_kafka_init_transactions(stage->producer, FENCE_MS));
    partitions_of(stage, stage->producer, stage->to);
    stage->partition_count = partitions_of(stage, stage->consumer, stage->from);
    for (int32_t p = 0; p < stage->partition_count; p++)
        rd_kafka_topic_partition_list_add(list, stage->from, p)->offset = RD_KAFKA_OFFSET_STORED;
    check_code(stage, "cannot assign", rd_kafka_assign(stage->consumer, list));
    printf("ready\n");
    fflush(stdout);
}

int main(int argc, char *argv[])
{
    static struct stage stage;
    const struct sigaction stop = {.sa_handler = on_signal};

    if (argc == 2 && str_equal(argv[1], "--version")) {
        printf("librdkafka %s, yyjson %s\n", rd_kafka_version_str(), YYJSON_VERSION_STRING);
        return EXIT_SUCCESS;
    }
    if (argc != 5) {
        fprintf(stderr, "usage: stage BOOTSTRAP ID FROM TO | stage --version\n");
        return EXIT_FAILURE;
    }
    sigaction(SIGTERM, &stop, NULL);
    stage.id = argv[2];
    stage.from = argv[3];
    stage.to = argv[4];
    start(&stage, argv[1]);
    while (!atomic_load(&is_stopping))
        work(&stage);
    finish(&stage);
    return EXIT_SUCCESS;
}

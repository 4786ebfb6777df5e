/* scene.c - see scene.h. */
#include "tests/runtime/scene.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/util.h"
#include "common/kafka/record.h"
#include "common/kafka/shard_set.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/temp_directory.h"

#define NAME_SIZE 32
#define STARTS_MAX 26
#define PATH_SIZE (TEMP_DIRECTORY_SIZE + 32)

static const struct subscription subscriptions[] = {
    {EVENT_ORDER_PLACED, TOPIC_PAYMENTS},
    {EVENT_ORDER_CANCELLATION_REQUESTED, TOPIC_PAYMENTS},
};

static struct {
    struct mock_cluster cluster;
    struct wire wire;
    struct kafka_config kafka;
    struct participant participant;
    struct runtime_config config;
    struct runtime *runtime;
    char name[NAME_SIZE];
    char directory[TEMP_DIRECTORY_SIZE];
    int shards;
    size_t starts;
    struct error end;
    size_t answers[SCENE_NUMBERS_MAX];
    char answer_ids[SCENE_NUMBERS_MAX][UUID_SIZE];
} scene;

static void decide(const void *settings, const struct input *in, const struct state *state,
                   struct decision *out)
{
    union event_data *data;

    (void)settings;
    if (in->event->type != EVENT_ORDER_PLACED)
        return;
    if (str_equal(in->event->data.order_placed.customer_id, SCENE_IMPOSSIBLE))
        decision_refuse(out, "this customer is impossible");
    else if (state->last->type == EVENT_NONE) {
        data = decision_emit(out, EVENT_PAYMENT_FAILED);
        str_copy(data->payment_failed.order_id, UUID_SIZE, event_key(in->event));
        str_copy(data->payment_failed.reason, REASON_SIZE, "payment_declined");
    }
}

static void create_topics(int brokers, int replays, enum topic missing)
{
    const struct {
        enum topic topic;
        int partitions;
    } topics[] = {{TOPIC_ORDERS, SCENE_PARTITIONS},
                  {TOPIC_PAYMENTS, SCENE_PARTITIONS},
                  {TOPIC_PAYMENT_SHARDS, scene.shards},
                  {TOPIC_PAYMENT_DEAD_LETTERS, 1},
                  {TOPIC_PAYMENT_REPLAYS, replays}};

    for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
        int leader = topics[i].topic == TOPIC_PAYMENTS && brokers > 1 ? SCENE_LEDGER_BROKER : 1;

        if (topics[i].topic == missing)
            continue;
        mock_cluster_create_topic(&scene.cluster, SCENE_PREFIX, topics[i].topic,
                                  topics[i].partitions);
        mock_cluster_lead(&scene.cluster, SCENE_PREFIX, topics[i].topic, topics[i].partitions,
                          leader);
    }
}

static void configure(const char *address)
{
    scene.kafka = (struct kafka_config){
        .bootstrap_servers = address != NULL ? address : mock_cluster_address(&scene.cluster),
        .properties_file = "",
        .topic_prefix = SCENE_PREFIX,
        .client_id = "payment-0",
    };
    scene.participant = (struct participant){
        .name = scene.name,
        .shards = TOPIC_PAYMENT_SHARDS,
        .dead_letters = TOPIC_PAYMENT_DEAD_LETTERS,
        .replays = TOPIC_PAYMENT_REPLAYS,
        .ledgers = {TOPIC_PAYMENTS},
        .ledger_count = 1,
        .subscriptions = subscriptions,
        .subscription_count = ARRAY_LEN(subscriptions),
        .decide = decide,
    };
    scene.config = (struct runtime_config){
        .participant = &scene.participant,
        .kafka = &scene.kafka,
        .instance = "0",
        .data_dir = scene.directory,
    };
}

void scene_prepare(struct scene_setup setup)
{
    scene.shards = setup.shards > 0 ? setup.shards : 1;
    if (setup.brokers == 0)
        setup.brokers = 1;
    mock_cluster_start(&scene.cluster, setup.brokers);
    create_topics(setup.brokers, setup.replays > 0 ? setup.replays : SCENE_PARTITIONS,
                  setup.missing);
    wire_open(&scene.wire, mock_cluster_address(&scene.cluster));
    if (setup.missing != TOPIC_PAYMENTS)
        wire_read(&scene.wire, SCENE_LEDGER, SCENE_PARTITIONS);
    temp_directory_new(scene.directory);
    configure(setup.address);
}

void scene_use_address(const char *address)
{
    scene.kafka.bootstrap_servers = address;
}

struct mock_cluster *scene_cluster(void)
{
    return &scene.cluster;
}

struct wire *scene_wire(void)
{
    return &scene.wire;
}

const char *scene_name(void)
{
    return scene.name;
}

void scene_start(void)
{
    struct error err;

    ck_assert_uint_lt(scene.starts, STARTS_MAX);
    snprintf(scene.name, sizeof(scene.name), "payment%c", (char)('a' + scene.starts++));
    log_open(scene.name, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    ck_assert_msg(runtime_new(&scene.config, &scene.runtime, &err) == 0, "%s", err.text);
}

void scene_own(void)
{
    scene_start();
    AWAIT(scene_is(RUNTIME_OWNER), SCENE_OWN_MS_MAX);
    ck_assert_uint_eq(scene_shards(), shard_set_all((uint32_t)scene.shards));
}

int scene_end(int ms_max)
{
    struct pollfd ended = {.fd = runtime_ended_fd(scene.runtime), .events = POLLIN};
    int result;

    ck_assert_msg(poll(&ended, 1, ms_max) == 1, "it did not end within %d ms", ms_max);
    result = runtime_end(scene.runtime, &scene.end);
    runtime_free(scene.runtime);
    scene.runtime = NULL;
    return result;
}

const char *scene_end_line(void)
{
    return scene.end.text;
}

void scene_stop_within(int ms_max)
{
    runtime_stop(scene.runtime);
    ck_assert_int_eq(scene_end(ms_max), 0);
}

void scene_stop(void)
{
    scene_stop_within(SCENE_STOP_MS_MAX);
}

static void cache_path(const char *file, char out[PATH_SIZE])
{
    snprintf(out, PATH_SIZE, "%s/ledger%s", scene.directory, file);
}

void scene_block_cache(void)
{
    char path[PATH_SIZE];
    FILE *file;

    cache_path("", path);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
}

void scene_unblock_cache(void)
{
    char path[PATH_SIZE];

    cache_path("", path);
    ck_assert_int_eq(unlink(path), 0);
}

void scene_lose_cache(void)
{
    static const char *const files[] = {"/identity", "/data.mdb", "/lock.mdb"};
    char path[PATH_SIZE];

    ck_assert_ptr_null(scene.runtime);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        cache_path(files[i], path);
        ck_assert_int_eq(unlink(path), 0);
    }
}

static struct runtime_health health(void)
{
    struct runtime_health health;

    runtime_health(scene.runtime, &health);
    return health;
}

bool scene_is(enum runtime_role role)
{
    return health().role == role;
}

bool scene_says(const char *part)
{
    struct runtime_health now = health();

    return strstr(now.reason.text, part) != NULL;
}

uint32_t scene_shards(void)
{
    return health().shards;
}

int64_t scene_progress_ms(void)
{
    return runtime_progress_ms(scene.runtime);
}

void scene_place(size_t number)
{
    struct event event;

    ck_assert_uint_lt(number, SCENE_NUMBERS_MAX);
    sample_order_placed(&event, number);
    wire_send_event(&scene.wire, SCENE_ORDERS, &event, "");
}

static void note_answer(const rd_kafka_message_t *message)
{
    const char *id = wire_header(message, "ce_id");
    size_t number;
    char digits[13];

    ck_assert_uint_eq(message->key_len, UUID_SIZE - 1);
    memcpy(digits, (const char *)message->key + 24, 12);
    digits[12] = '\0';
    number = strtoull(digits, NULL, 16);
    ck_assert_uint_lt(number, SCENE_NUMBERS_MAX);
    if (scene.answers[number]++ > 0)
        ck_assert_str_eq(id, scene.answer_ids[number]);
    str_copy(scene.answer_ids[number], UUID_SIZE, id);
}

size_t scene_answers(size_t number)
{
    rd_kafka_message_t *message;

    while ((message = wire_next(&scene.wire, 0)) != NULL) {
        note_answer(message);
        rd_kafka_message_destroy(message);
    }
    return scene.answers[number];
}

void scene_await_answer(size_t number)
{
    AWAIT(scene_answers(number) > 0, SCENE_ANSWER_MS_MAX);
}

void scene_order(size_t number)
{
    scene_place(number);
    scene_await_answer(number);
}

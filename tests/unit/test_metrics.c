/* test_metrics.c - the registry and its text. What is measured: integration/test_metrics.py. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/metrics.h"
#include "common/base/util.h"
#include "suite.h"

#define THREADS 4
#define ROUNDS 20000

static const int64_t sizes[] = {1, 10};

static const struct metric_info counter = {
    .name = "saga_letters_total", .help = "Letters.", .type = METRIC_COUNTER};
static const struct metric_info gauge = {
    .name = "saga_age_seconds", .help = "Age.", .type = METRIC_GAUGE, .unit = METRIC_SECONDS};
static const struct metric_info labelled = {.name = "saga_orders_total",
                                            .help = "Orders.",
                                            .type = METRIC_COUNTER,
                                            .labels = {"outcome", "reason"},
                                            .series_max = 2};
static const struct metric_info histogram = {.name = "saga_records",
                                             .help = "Records.",
                                             .type = METRIC_HISTOGRAM,
                                             .labels = {"topic"},
                                             .series_max = 2,
                                             .bounds = sizes,
                                             .bound_count = ARRAY_LEN(sizes)};

static struct metrics *metrics;

static void setup(void)
{
    ck_assert_int_eq(metrics_new(&metrics, NULL), 0);
}

static void teardown(void)
{
    metrics_free(metrics);
}

static struct metric *add(const struct metric_info *info)
{
    struct metric *metric;

    metrics_add(metrics, info, 1, &metric);
    ck_assert_ptr_nonnull(metric);
    return metric;
}

static struct metric_series *order(struct metric *metric, const char *outcome, const char *reason)
{
    return metric_series(metric, (const char *const[]){outcome, reason});
}

static void assert_text(const char *expected)
{
    size_t len = 0;
    CLEANUP(free_ptr) char *text = metrics_render(metrics, &len);

    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(len, strlen(text));
    ck_assert_str_eq(text, expected);
}

START_TEST(a_counter_is_shown_with_help_and_type)
{
    struct metric_series *series = metric_series(add(&counter), NULL);

    metric_add(series, 2);
    metric_add(series, 1);
    ck_assert_int_eq(metric_value(series), 3);
    assert_text("# HELP saga_letters_total Letters.\n# TYPE saga_letters_total counter\n"
                "saga_letters_total 3\n");
}
END_TEST

START_TEST(microseconds_are_shown_as_seconds)
{
    static const struct {
        int64_t us;
        const char *shown;
    } values[] = {{0, "0"},          {1, "0.000001"},
                  {2500, "0.0025"},  {10000000, "10"},
                  {-1, "-0.000001"}, {-1500000, "-1.5"},
                  {1250000, "1.25"}, {1790000000123000, "1790000000.123"}};
    struct metric_series *series = metric_series(add(&gauge), NULL);

    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char expected[200];

        metric_set(series, values[i].us);
        snprintf(expected, sizeof(expected),
                 "# HELP saga_age_seconds Age.\n# TYPE saga_age_seconds gauge\n"
                 "saga_age_seconds %s\n",
                 values[i].shown);
        assert_text(expected);
    }
}
END_TEST

START_TEST(a_metric_without_series_is_not_shown)
{
    add(&labelled);
    assert_text("");
}
END_TEST

START_TEST(label_values_are_escaped)
{
    metric_add(order(add(&labelled), "a\"b", "c\\d\ne"), 1);
    assert_text("# HELP saga_orders_total Orders.\n# TYPE saga_orders_total counter\n"
                "saga_orders_total{outcome=\"a\\\"b\",reason=\"c\\\\d\\ne\"} 1\n");
}
END_TEST

START_TEST(help_is_escaped)
{
    static const struct metric_info odd = {
        .name = "saga_odd", .help = "a\\b\nc 100%d \"", .type = METRIC_GAUGE};

    metric_series(add(&odd), NULL);
    assert_text("# HELP saga_odd a\\\\b\\nc 100%d \"\n# TYPE saga_odd gauge\nsaga_odd 0\n");
}
END_TEST

START_TEST(the_same_labels_are_the_same_series)
{
    struct metric *metric = add(&labelled);

    ck_assert_ptr_eq(order(metric, "a", "b"), order(metric, "a", "b"));
    ck_assert_ptr_ne(order(metric, "a", "b"), order(metric, "b", "a"));
}
END_TEST

START_TEST(more_label_sets_than_declared_are_counted_as_other)
{
    struct metric *metric = add(&labelled);

    metric_add(order(metric, "a", "x"), 1);
    metric_add(order(metric, "b", "x"), 1);
    metric_add(order(metric, "c", "x"), 1);
    metric_add(order(metric, "d", "x"), 1);
    metric_add(order(metric, "b", "x"), 1); /* is there already */
    assert_text("# HELP saga_orders_total Orders.\n# TYPE saga_orders_total counter\n"
                "saga_orders_total{outcome=\"a\",reason=\"x\"} 1\n"
                "saga_orders_total{outcome=\"b\",reason=\"x\"} 2\n"
                "saga_orders_total{outcome=\"other\",reason=\"other\"} 2\n");
}
END_TEST

START_TEST(labels_that_do_not_fit_are_counted_as_other)
{
    struct metric *metric = add(&labelled);
    char text[METRIC_LABEL_TEXT_SIZE + 1];

    memset(text, '"', METRIC_LABEL_TEXT_SIZE);
    /* One that fits exactly, and one that ends in the middle of an escape. */
    text[(METRIC_LABEL_TEXT_SIZE - 1 - strlen("outcome=\"\",reason=\"\"")) / 2] = '\0';
    ck_assert_ptr_ne(order(metric, text, ""), order(metric, METRIC_OTHER, METRIC_OTHER));
    memset(text, '"', METRIC_LABEL_TEXT_SIZE);
    ck_assert_ptr_eq(order(metric, text, ""), order(metric, METRIC_OTHER, METRIC_OTHER));
}
END_TEST

START_TEST(a_histogram_is_cumulative_and_its_bounds_are_inclusive)
{
    struct metric_series *series = metric_series(add(&histogram), (const char *const[]){"orders"});

    metric_observe(series, 1);
    metric_observe(series, 2);
    metric_observe(series, 10);
    metric_observe(series, 11);
    assert_text("# HELP saga_records Records.\n# TYPE saga_records histogram\n"
                "saga_records_bucket{topic=\"orders\",le=\"1\"} 1\n"
                "saga_records_bucket{topic=\"orders\",le=\"10\"} 3\n"
                "saga_records_bucket{topic=\"orders\",le=\"+Inf\"} 4\n"
                "saga_records_sum{topic=\"orders\"} 24\n"
                "saga_records_count{topic=\"orders\"} 4\n");
}
END_TEST

START_TEST(a_tally_counts_only_when_it_is_merged)
{
    struct metric_series *series = metric_series(add(&histogram), (const char *const[]){"orders"});
    struct metric_tally tally = {0};

    metric_tally_observe(&tally, &histogram, 5);
    metric_tally_observe(&tally, &histogram, 50);
    ck_assert_int_eq(metric_value(series), 0);
    metric_tally_merge(&tally, series);
    metric_tally_merge(&tally, series); /* is empty now */
    ck_assert_int_eq(metric_value(series), 55);
}
END_TEST

START_TEST(who_counts_for_nobody_needs_no_registry)
{
    struct metric *metric;
    struct metric_tally tally = {0};

    metrics_add(NULL, &labelled, 1, &metric);
    ck_assert_ptr_null(metric);
    ck_assert_ptr_null(order(metric, "a", "b"));
    metric_add(NULL, 1);
    metric_set(NULL, 1);
    metric_observe(NULL, 1);
    metric_tally_merge(&tally, NULL);
    ck_assert_int_eq(metric_value(NULL), 0);
}
END_TEST

static void add_one(void *context)
{
    metric_add(context, 1);
}

START_TEST(a_collector_is_asked_at_each_rendering)
{
    struct metric_series *series = metric_series(add(&counter), NULL);

    metrics_collect(metrics, add_one, series);
    assert_text("# HELP saga_letters_total Letters.\n# TYPE saga_letters_total counter\n"
                "saga_letters_total 1\n");
    assert_text("# HELP saga_letters_total Letters.\n# TYPE saga_letters_total counter\n"
                "saga_letters_total 2\n");
}
END_TEST

/* Also with series that come up in the meantime, and with readers. */
static void *update(void *context)
{
    struct metric **found = context;
    struct metric_series *mine = metric_series(found[0], NULL);

    for (int i = 0; i < ROUNDS; i++) {
        size_t len;

        metric_add(mine, 1);
        metric_observe(metric_series(found[1], (const char *const[]){i % 2 ? "a" : "b"}), i % 20);
        if (i % (ROUNDS / 4) == 0)
            free(metrics_render(metrics, &len));
    }
    return NULL;
}

START_TEST(no_update_of_any_thread_is_lost)
{
    struct metric *found[] = {add(&counter), add(&histogram)};
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, update, found), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(metric_value(metric_series(found[0], NULL)), THREADS * ROUNDS);
    ck_assert_int_eq(metric_value(metric_series(found[1], (const char *const[]){"a"})) +
                         metric_value(metric_series(found[1], (const char *const[]){"b"})),
                     THREADS * (ROUNDS / 20) * 190);
}
END_TEST

static void assert_refused(const struct metric_info *info)
{
    struct metric *metric;

    metrics_add(metrics, info, 1, &metric);
}

/* Our own mistakes, of which the first start tells. */
static const struct metric_info wrong[] = {
    {.name = "saga_orders", .help = "", .type = METRIC_COUNTER},
    {.name = "saga_orders_total", .help = "", .type = METRIC_GAUGE},
    {.name = "saga_delay_ms", .help = "", .type = METRIC_GAUGE, .unit = METRIC_SECONDS},
    {.name = "saga_delay_total", .help = "", .type = METRIC_COUNTER, .unit = METRIC_SECONDS},
    {.name = "saga-orders", .help = "", .type = METRIC_GAUGE},
    {.name = "saga_delay", .help = "", .type = METRIC_HISTOGRAM},
    {.name = "saga_orders_total", .help = "", .type = METRIC_COUNTER, .labels = {"reason"}},
    {.name = "saga_letters", .help = "", .type = METRIC_GAUGE},
};

START_TEST(a_wrong_row_is_asserted_against)
{
    static const struct metric_info twin = {
        .name = "saga_letters", .help = "", .type = METRIC_GAUGE};

    add(&twin); /* for the last one */
    assert_refused(&wrong[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tcase = tcase_create("metrics");
    TCase *refusals = tcase_create("refusals");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_checked_fixture(refusals, setup, teardown);
    tcase_add_test(tcase, a_counter_is_shown_with_help_and_type);
    tcase_add_test(tcase, microseconds_are_shown_as_seconds);
    tcase_add_test(tcase, a_metric_without_series_is_not_shown);
    tcase_add_test(tcase, label_values_are_escaped);
    tcase_add_test(tcase, help_is_escaped);
    tcase_add_test(tcase, the_same_labels_are_the_same_series);
    tcase_add_test(tcase, more_label_sets_than_declared_are_counted_as_other);
    tcase_add_test(tcase, labels_that_do_not_fit_are_counted_as_other);
    tcase_add_test(tcase, a_histogram_is_cumulative_and_its_bounds_are_inclusive);
    tcase_add_test(tcase, a_tally_counts_only_when_it_is_merged);
    tcase_add_test(tcase, who_counts_for_nobody_needs_no_registry);
    tcase_add_test(tcase, a_collector_is_asked_at_each_rendering);
    tcase_add_test(tcase, no_update_of_any_thread_is_lost);
    for (int i = 0; i < (int)ARRAY_LEN(wrong); i++)
        tcase_add_loop_test_raise_signal(refusals, a_wrong_row_is_asserted_against, SIGABRT, i,
                                         i + 1);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, refusals);
    return suite_main(suite);
}

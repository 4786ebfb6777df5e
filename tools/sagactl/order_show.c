/* order_show.c - `sagactl order show`: what the topics say about one order. */
#include <string.h>

#include "common/base/clock.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/order_print.h"
#include "tools/sagactl/orders_read.h"

static int print_order(void *context, const char *order_id, const struct order_view *view,
                       size_t left_out, struct error *err)
{
    const struct invocation *in = context;
    int64_t now_ms = clock_utc_ms();

    if (in->options[ORDER_SHOW_JSON] != NULL)
        return order_print_json(view, order_id, in->settings->topic_prefix, now_ms, stdout, err);
    return order_print_table(view, left_out, now_ms, stdout, err);
}

static enum exit_code show(const struct invocation *in, const char *order_id, struct error *err)
{
    CLEANUP(cluster_close) struct cluster cluster = {0};
    CLEANUP(orders_done) struct orders orders = {0};

    if (cluster_open_consumer(in->settings, &cluster, err) < 0)
        return EXIT_CODE_USAGE;
    if (orders_read_one(&cluster, order_id, &orders, err) < 0)
        return EXIT_CODE_FAILED;
    if (orders.count == 0) {
        error_set(err, 0, "there is no order %s", order_id);
        return EXIT_CODE_FAILED;
    }
    return orders_each(&orders, print_order, (void *)in, err) < 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

enum exit_code order_show(const struct invocation *in, struct error *err)
{
    const char *order_id = in->arguments[0];

    if (!uuid_is_valid(order_id, strlen(order_id))) {
        error_set(err, 0, "'%s' is no order id: a UUID in lower case is one", order_id);
        return EXIT_CODE_USAGE;
    }
    return show(in, order_id, err);
}

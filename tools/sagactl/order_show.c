/* order_show.c - `sagactl order show`: what the topics say about one order. */
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "tools/sagactl/commands.h"
#include "tools/sagactl/order_print.h"
#include "tools/sagactl/order_read.h"

static int print_order(const struct invocation *in, const struct timeline *timeline,
                       const char *order_id, struct error *err)
{
    if (in->options[ORDER_SHOW_JSON] != NULL)
        return order_print_json(timeline, order_id, in->settings->topic_prefix, stdout, err);
    return order_print_table(timeline, clock_utc_ms(), stdout, err);
}

static enum exit_code show(const struct invocation *in, const char *order_id,
                           struct timeline *timeline, struct error *err)
{
    CLEANUP(cluster_close) struct cluster cluster = {0};

    if (cluster_open_consumer(in->settings, &cluster, err) < 0)
        return EXIT_CODE_USAGE;
    if (order_read(&cluster, order_id, timeline, err) < 0)
        return EXIT_CODE_FAILED;
    if (timeline->count == 0) {
        error_set(err, 0, "there is no order %s", order_id);
        return EXIT_CODE_FAILED;
    }
    return print_order(in, timeline, order_id, err) < 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

enum exit_code order_show(const struct invocation *in, struct error *err)
{
    const char *order_id = in->arguments[0];
    struct timeline timeline = {0};
    enum exit_code code;

    if (!uuid_is_valid(order_id, strlen(order_id))) {
        error_set(err, 0, "'%s' is no order id: a UUID in lower case is one", order_id);
        return EXIT_CODE_USAGE;
    }
    code = show(in, order_id, &timeline, err);
    timeline_done(&timeline);
    return code;
}

/* main.c - the operator's tool: the table of its commands. */
#include "common/base/util.h"
#include "tools/sagactl/cli.h"
#include "tools/sagactl/commands.h"

static const struct command commands[] = {
    {
        .words = {"topics", "apply"},
        .run = topics_apply,
        .usage = "[--dry-run] [--strict]",
        .sentence = "Creates the missing topics of topics.json.",
        .details = "Changes nothing that exists: what differs from topics.json is reported.\n"
                   "Waits until new topics have their leaders. May be run again, and by several at "
                   "a time.\n",
        .options =
            {
                [TOPICS_APPLY_DRY_RUN] = {"--dry-run", NULL, "Only say what would be done."},
                [TOPICS_APPLY_STRICT] =
                    {"--strict", NULL,
                     "Exit 1 when a topic differs or, with --dry-run, is missing."},
            },
    },
    {
        .words = {"stock", "receive"},
        .run = stock_receive,
        .argument_count_min = 2,
        .argument_count_max = COMMAND_ARGUMENTS_ANY,
        .usage = "[--once] PRODUCT QUANTITY [PRODUCT QUANTITY]...",
        .sentence = "Reports goods that came in.",
        .details =
            "QUANTITY is 1 to 1000000000 pieces. Returns when the cluster has them on record.\n"
            "Each call is a delivery of its own: run twice, it counts twice.\n",
        .options =
            {
                [STOCK_RECEIVE_ONCE] = {"--once", NULL,
                                        "Leave out products that were ever received before."},
            },
    },
    {
        .words = {"order", "show"},
        .run = order_show,
        .argument_count_min = 1,
        .argument_count_max = 1,
        .usage = "ID [--json]",
        .sentence = "Prints all events of an order and its outcome.",
        .details = "Reads the topics themselves and asks no service.\n"
                   "DELAY MS is the time since the event that caused this one.\n",
        .options =
            {
                [ORDER_SHOW_JSON] = {"--json", NULL, "Print one JSON document."},
            },
    },
};

static const struct cli cli = {
    .name = "sagactl",
    .purpose = "The operator's tool of order-saga: works on the topics, not on the services.",
    .version = SAGA_VERSION,
    .commands = commands,
    .command_count = ARRAY_LEN(commands),
};

int main(int argc, char *argv[])
{
    return cli_main(&cli, argc, argv);
}

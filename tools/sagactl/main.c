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
        .usage = "PRODUCT QUANTITY [PRODUCT QUANTITY]...",
        .sentence = "Reports goods that came in.",
        .details =
            "QUANTITY is 1 to 1000000000 pieces. Returns when the cluster has them on record.\n"
            "Each call is a delivery of its own: run twice, it counts twice.\n",
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
    {
        .words = {"check"},
        .run = check,
        .usage = "[--final] [--json]",
        .sentence = "Reads all topics and verifies the invariants of ARCHITECTURE.md.",
        .details =
            "Exit code 1 when something is not as it must be; each finding names the order, the\n"
            "product or the record. Orders that are under way are no finding. An order of which\n"
            "something has expired is left out, and counted. Needs about 1.5 KB of memory for an\n"
            "order, and takes no more than 1000000 of them.\n",
        .options =
            {
                [CHECK_FINAL] = {"--final", NULL,
                                 "Nothing is under way: what is missing is a finding."},
                [CHECK_JSON] = {"--json", NULL, "Print one JSON document."},
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

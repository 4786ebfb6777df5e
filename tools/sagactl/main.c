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
        .words = {"dead-letters", "list"},
        .run = dead_letters_list,
        .usage = "[--service S] [--cause TEXT] [--all] [--json]",
        .sentence = "Lists the records that the services refused.",
        .details = "An id is <service>/<partition>/<offset>. Shows those that are open.\n",
        .options =
            {
                [DEAD_LETTERS_LIST_SERVICE] = {"--service", "S", "Of this service only."},
                [DEAD_LETTERS_LIST_CAUSE] = {"--cause", "TEXT", "Whose cause contains this text."},
                [DEAD_LETTERS_LIST_ALL] = {"--all", NULL, "Those replayed and discarded, too."},
                [DEAD_LETTERS_LIST_JSON] = {"--json", NULL, "Print one JSON document."},
            },
    },
    {
        .words = {"dead-letters", "show"},
        .run = dead_letters_show,
        .argument_count_min = 1,
        .argument_count_max = 1,
        .usage = "ID [--json]",
        .sentence = "Prints all that one of them holds.",
        .details = "Bytes that are no printable ASCII are shown as \\xNN; in JSON, what is no "
                   "UTF-8 is in hex.\n",
        .options =
            {
                [DEAD_LETTERS_SHOW_JSON] = {"--json", NULL, "Print one JSON document."},
            },
    },
    {
        .words = {"dead-letters", "replay"},
        .run = dead_letters_replay,
        .argument_count_max = COMMAND_ARGUMENTS_ANY,
        .usage = "ID... | --cause TEXT | --all [--service S] [--dry-run]",
        .sentence = "Gives them back to the services that refused them, once.",
        .details = "For when the cause is mended. Of each service all are replayed or none. What "
                   "was replayed or\ndiscarded before is passed over, so it may be run again, and "
                   "by several at a time.\n",
        .options =
            {
                [DEAD_LETTERS_REPLAY_SERVICE] = {"--service", "S", "Of this service only."},
                [DEAD_LETTERS_REPLAY_CAUSE] = {"--cause", "TEXT",
                                               "All open ones whose cause contains this text."},
                [DEAD_LETTERS_REPLAY_ALL] = {"--all", NULL, "All open ones."},
                [DEAD_LETTERS_REPLAY_DRY_RUN] = {"--dry-run", NULL, "Only say what would be done."},
            },
    },
    {
        .words = {"dead-letters", "discard"},
        .run = dead_letters_discard,
        .argument_count_min = 1,
        .argument_count_max = COMMAND_ARGUMENTS_ANY,
        .usage = "ID... [--reason TEXT] [--dry-run]",
        .sentence = "Marks them as done with; nothing is deleted.",
        .details = "A letter that was discarded is not replayed any more.\n",
        .options =
            {
                [DEAD_LETTERS_DISCARD_REASON] = {"--reason", "TEXT", "For those who look later."},
                [DEAD_LETTERS_DISCARD_DRY_RUN] = {"--dry-run", NULL,
                                                  "Only say what would be done."},
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

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
    /* Before "acls": the first row that fits is the one. */
    {
        .words = {"acls", "apply"},
        .run = acls_apply,
        .usage = "[--principal-prefix P] [--dry-run]",
        .sentence = "Gives each principal its permissions, and none more.",
        .details = "Needs the right to alter the cluster. Deletes nothing: what the principals "
                   "hold beside it is reported.\nMay be run again.\n",
        .options =
            {
                [ACLS_PRINCIPAL_PREFIX] = {"--principal-prefix", "P", "In front of their names."},
                [ACLS_APPLY_DRY_RUN] = {"--dry-run", NULL, "Only say what would be done."},
            },
    },
    {
        .words = {"acls"},
        .run = acls_print,
        .usage = "[--principal-prefix P] [--format kafka-acls|json|strimzi] [--cluster NAME]",
        .sentence = "Prints the permissions that each service and the operator need.",
        .details = "They follow from topics.json and TOPIC_PREFIX; no cluster is asked.\n"
                   "kafka-acls is a script: sagactl acls | sh -s -- --bootstrap-server HOST:PORT\n",
        .options =
            {
                [ACLS_PRINCIPAL_PREFIX] = {"--principal-prefix", "P", "In front of their names."},
                [ACLS_PRINT_FORMAT] = {"--format", "F", "kafka-acls (default), json or strimzi."},
                [ACLS_PRINT_CLUSTER] = {"--cluster", "NAME",
                                        "Of strimzi: whose users they are; default: saga."},
            },
    },
    {
        .words = {"users", "apply"},
        .run = users_apply,
        .argument_count_min = 1,
        .argument_count_max = 1,
        .usage = "DIRECTORY [--principal-prefix P]",
        .sentence = "Tells the cluster the passwords of its principals, for SCRAM-SHA-512.",
        .details = "DIRECTORY has a file PRINCIPAL.password for each; its first line counts.\n"
                   "Needs the right to alter the cluster. May be run again.\n",
        .options =
            {
                [USERS_APPLY_PRINCIPAL_PREFIX] = {"--principal-prefix", "P",
                                                  "In front of their names."},
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
        .words = {"stock", "show"},
        .run = stock_show,
        .argument_count_max = COMMAND_ARGUMENTS_ANY,
        .usage = "[PRODUCT...] [--json]",
        .sentence = "Prints what is on hand, reserved and available.",
        .details = "Of all products, or of those that are named.\n",
        .options =
            {
                [STOCK_SHOW_JSON] = {"--json", NULL, "Print one JSON document."},
            },
    },
    {
        .words = {"order", "show"},
        .run = order_show,
        .argument_count_min = 1,
        .argument_count_max = 1,
        .usage = "ID [--json]",
        .sentence = "Prints all events of an order, how it stands, and what is still to come.",
        .details =
            "Reads the topics themselves and asks no service.\n"
            "DELAY MS is the time since the event that caused this one; WAITING MS how long\n"
            "a service has had the cause of an event that is still to come.\n",
        .options =
            {
                [ORDER_SHOW_JSON] = {"--json", NULL, "Print one JSON document."},
            },
    },
    {
        .words = {"order", "list"},
        .run = order_list,
        .usage = "[--status S] [--customer C] [--limit N] [--json]",
        .sentence = "Prints how the orders stand, the newest first.",
        .details = "Reads the topics themselves, from their beginning, and asks no service.\n",
        .options =
            {
                [ORDER_LIST_STATUS] = {"--status", "S", "Only those that are placed, paid, ..."},
                [ORDER_LIST_CUSTOMER] = {"--customer", "C", "Only those of this customer."},
                [ORDER_LIST_LIMIT] = {"--limit", "N", "At most so many: 1 to 10000, default 50."},
                [ORDER_LIST_JSON] = {"--json", NULL, "Print one JSON document."},
            },
    },
    {
        .words = {"order", "cancel"},
        .run = order_cancel,
        .argument_count_min = 1,
        .argument_count_max = 1,
        .usage = "ID [--reason TEXT] [--wait SECONDS] [--json]",
        .sentence = "Asks for an order to be cancelled, and tells who won.",
        .details =
            "Exit code 0: the order is cancelled; 1: it has shipped, or the services have not\n"
            "brought it to its end in time. May be run again: it is cancelled once.\n",
        .options =
            {
                [ORDER_CANCEL_REASON] = {"--reason", "TEXT", "Default: operator_request."},
                [ORDER_CANCEL_WAIT] = {"--wait", "SECONDS", "For the end: 0 to 600, default 30."},
                [ORDER_CANCEL_JSON] = {"--json", NULL, "Print one JSON document."},
            },
    },
    {
        .words = {"stuck"},
        .run = stuck,
        .usage = "[--for SECONDS] [--json]",
        .sentence = "Prints orders without progress, and the service that each waits for.",
        .details = "Those that are not at their end and have had no event for a while.\n"
                   "Exit code 0: there is none; 1: there are some, or it could not be found out:\n"
                   "then standard error says why.\n",
        .options =
            {
                [STUCK_FOR] = {"--for", "SECONDS",
                               "No event for so long: 0 to 604800, default 60."},
                [STUCK_JSON] = {"--json", NULL, "Print one JSON document."},
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
    {
        .words = {"check"},
        .run = check,
        .usage = "[--final] [--json]",
        .sentence = "Reads all topics and verifies the invariants of ARCHITECTURE.md.",
        .details =
            "Exit code 1 when something is not as it must be; each finding names the order, the\n"
            "product or the record. Orders that are under way are no finding. An order of which\n"
            "something has expired is left out, and counted. Needs about 2 KB of memory for an\n"
            "order, and takes no more than 1000000 of them.\n",
        .options =
            {
                [CHECK_FINAL] = {"--final",
                                 NULL, "Nothing is under way: what is missing is a finding."},
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

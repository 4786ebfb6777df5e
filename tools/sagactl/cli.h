/*
 * cli.h - the command line as a table: a command is a row, and its help, its options and the checks
 * of its arguments follow from the row. Knows no Kafka.
 */
#pragma once

#include <stddef.h>

#include "common/base/error.h"
#include "tools/sagactl/settings.h"

/* Words of a command's name, as in "topics apply", and options of one command. */
#define COMMAND_WORDS 2
#define COMMAND_OPTIONS_MAX 4
/* For commands that take any number of arguments. */
#define COMMAND_ARGUMENTS_ANY 10000

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILED = 1,
    EXIT_CODE_USAGE = 2, /* the command line, or a setting of the environment */
};

struct command_option {
    const char *name;       /* "--json" */
    const char *value_name; /* "N"; NULL: it takes no value */
    const char *sentence;
};

/* One call of a command. Everything is borrowed for the call. */
struct invocation {
    const struct tool_settings *settings;
    const char *options[COMMAND_OPTIONS_MAX]; /* by row; NULL: not given; "": given, no value */
    char **arguments;
    size_t argument_count;
};

/* Prints its result on stdout. When it fails, `err` is the one line for stderr; "" for none. */
typedef enum exit_code command_function(const struct invocation *in, struct error *err);

struct command {
    const char *words[COMMAND_WORDS]; /* the second one NULL: a command of one word */
    command_function *run;
    size_t argument_count_min, argument_count_max;
    const char *usage;                                  /* what follows the words */
    const char *sentence;                               /* for the list of commands */
    const char *details;                                /* for its own help, whole lines */
    struct command_option options[COMMAND_OPTIONS_MAX]; /* ends with a name of NULL, or full */
};

struct cli {
    const char *name;
    const char *purpose;
    const char *version;
    const struct command *commands;
    size_t command_count;
};

/* Finds, checks and runs the command of `argv`, which it reorders. Returns the exit code. */
int cli_main(const struct cli *cli, int argc, char *argv[]);

/* cli.c - see cli.h. */
#include "tools/sagactl/cli.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/config.h"
#include "common/base/util.h"

/* "topics apply" and NUL. */
#define COMMAND_NAME_SIZE 64
/* Column of the sentences in a list of options. */
#define HELP_COLUMN 16

static const char *command_name(const struct command *command, char out[COMMAND_NAME_SIZE])
{
    snprintf(out, COMMAND_NAME_SIZE, "%s%s%s", command->words[0],
             command->words[1] != NULL ? " " : "",
             command->words[1] != NULL ? command->words[1] : "");
    return out;
}

static int word_count(const struct command *command)
{
    return command->words[1] != NULL ? 2 : 1;
}

static void print_environment(void)
{
    size_t count;
    const struct setting *settings = tool_settings_table(&count);

    puts("\nenvironment:");
    config_print_help(settings, count, stdout);
}

static void print_help(const struct cli *cli)
{
    char name[COMMAND_NAME_SIZE];

    printf("usage: %s COMMAND [ARGUMENT...]\n\n%s\n\ncommands:\n", cli->name, cli->purpose);
    for (size_t i = 0; i < cli->command_count; i++) {
        const struct command *command = &cli->commands[i];

        printf("  %s %s\n      %s\n", command_name(command, name), command->usage,
               command->sentence);
    }
    printf("\noptions:\n  %-*s %s\n  %-*s %s\n", HELP_COLUMN, "--help",
           "This text; after a command: more about it.", HELP_COLUMN, "--version", "The version.");
    print_environment();
    puts("\nexit codes: 0 done, 1 failed, 2 wrong command line or environment");
}

static void print_command_help(const struct cli *cli, const struct command *command)
{
    char name[COMMAND_NAME_SIZE], left[COMMAND_NAME_SIZE];

    printf("usage: %s %s %s\n\n%s\n%s", cli->name, command_name(command, name), command->usage,
           command->sentence, command->details);
    for (size_t i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name != NULL; i++) {
        const struct command_option *option = &command->options[i];

        snprintf(left, sizeof(left), "%s %s", option->name,
                 option->value_name != NULL ? option->value_name : "");
        printf("%s  %-*s %s\n", i == 0 ? "\noptions:\n" : "", HELP_COLUMN, left, option->sentence);
    }
    print_environment();
}

static bool command_matches(const struct command *command, int argc, char *argv[])
{
    for (int i = 0; i < word_count(command); i++)
        if (i >= argc || !str_equal(argv[i], command->words[i]))
            return false;
    return true;
}

static const struct command *find_command(const struct cli *cli, int argc, char *argv[])
{
    for (size_t i = 0; i < cli->command_count; i++)
        if (command_matches(&cli->commands[i], argc, argv))
            return &cli->commands[i];
    return NULL;
}

/* The row of an option, and its value when it is written "--name=value". */
static int find_option(const struct command *command, const char *text, const char **value)
{
    size_t len = strcspn(text, "=");

    for (int i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].name != NULL; i++) {
        const char *name = command->options[i].name;

        if (strlen(name) == len && memcmp(name, text, len) == 0) {
            *value = text[len] == '=' ? text + len + 1 : NULL;
            return i;
        }
    }
    return -1;
}

/* Reads argv[*i], and argv[*i + 1] when the value stands there. */
static int parse_option(const struct command *command, int argc, char *argv[], int *i,
                        struct invocation *in, struct error *err)
{
    const char *text = argv[*i], *value = NULL;
    int row = find_option(command, text, &value);

    if (row < 0)
        return error_set(err, -EINVAL, "unknown option '%s'", text);

    const struct command_option *option = &command->options[row];

    if (option->value_name == NULL && value != NULL)
        return error_set(err, -EINVAL, "%s takes no value", option->name);
    if (option->value_name != NULL && value == NULL) {
        if (*i + 1 >= argc)
            return error_set(err, -EINVAL, "%s needs %s", option->name, option->value_name);
        value = argv[++*i];
    }
    in->options[row] = value != NULL ? value : "";
    return 0;
}

static int check_argument_count(const struct command *command, size_t count, struct error *err)
{
    if (count < command->argument_count_min)
        return error_set(err, -EINVAL, "an argument is missing: %s", command->usage);
    if (count > command->argument_count_max)
        return error_set(err, -EINVAL, "too many arguments: %s", command->usage);
    return 0;
}

/* Gathers the arguments at the front of argv; after "--" an argument may begin with '-'. */
static int parse(const struct command *command, int argc, char *argv[], struct invocation *in,
                 struct error *err)
{
    bool options_end = false;

    in->arguments = argv;
    for (int i = 0; i < argc; i++) {
        if (!options_end && str_equal(argv[i], "--")) {
            options_end = true;
        } else if (!options_end && argv[i][0] == '-' && argv[i][1] != '\0') {
            int r = parse_option(command, argc, argv, &i, in, err);

            if (r < 0)
                return r;
        } else {
            in->arguments[in->argument_count++] = argv[i];
        }
    }
    return check_argument_count(command, in->argument_count, err);
}

static bool asks_for_help(int argc, char *argv[])
{
    for (int i = 0; i < argc && !str_equal(argv[i], "--"); i++)
        if (str_equal(argv[i], "--help") || str_equal(argv[i], "-h"))
            return true;
    return false;
}

static enum exit_code run_command(const struct command *command, int argc, char *argv[],
                                  struct error *err)
{
    struct tool_settings settings = {0};
    struct invocation in = {.settings = &settings};
    char name[COMMAND_NAME_SIZE];
    size_t setting_count;
    const struct setting *table = tool_settings_table(&setting_count);

    if (parse(command, argc, argv, &in, err) < 0) {
        error_prefix(err, 0, "%s", command_name(command, name));
        return EXIT_CODE_USAGE;
    }
    if (config_read(table, setting_count, &settings, err) < 0)
        return EXIT_CODE_USAGE;
    return command->run(&in, err);
}

static enum exit_code find_and_run(const struct cli *cli, int argc, char *argv[], struct error *err)
{
    if (argc > 0 && (str_equal(argv[0], "--help") || str_equal(argv[0], "-h"))) {
        print_help(cli);
        return EXIT_CODE_OK;
    }
    if (argc > 0 && str_equal(argv[0], "--version")) {
        printf("%s %s\n", cli->name, cli->version);
        return EXIT_CODE_OK;
    }

    const struct command *command = find_command(cli, argc, argv);

    if (command == NULL) {
        if (argc == 0)
            error_set(err, 0, "no command; see %s --help", cli->name);
        else
            error_set(err, 0, "unknown command '%s%s%s'; see %s --help", argv[0],
                      argc > 1 ? " " : "", argc > 1 ? argv[1] : "", cli->name);
        return EXIT_CODE_USAGE;
    }
    argc -= word_count(command);
    argv += word_count(command);
    if (asks_for_help(argc, argv)) {
        print_command_help(cli, command);
        return EXIT_CODE_OK;
    }
    return run_command(command, argc, argv, err);
}

int cli_main(const struct cli *cli, int argc, char *argv[])
{
    struct error err = {0};
    enum exit_code code = find_and_run(cli, argc - 1, argv + 1, &err);

    /* A result that nobody got is no success: a full disk, a closed pipe. */
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        if (code == EXIT_CODE_OK) {
            code = EXIT_CODE_FAILED;
            error_set(&err, 0, "cannot write to standard output");
        }
    }
    if (err.text[0] != '\0')
        fprintf(stderr, "%s: %s\n", cli->name, err.text);
    return (int)code;
}

/* settings.h - what the environment tells the tool: one table, from which --help is printed too. */
#pragma once

#include <stddef.h>

#include "common/base/config.h"

#define SETTINGS_TEXT_SIZE 1024
/* Leaves room for the longest name of topics.json in Kafka's 249 characters. */
#define SETTINGS_PREFIX_SIZE 101

struct tool_settings {
    char bootstrap_servers[SETTINGS_TEXT_SIZE];
    char client_properties[SETTINGS_TEXT_SIZE];
    char topic_prefix[SETTINGS_PREFIX_SIZE];
};

/* The rows of struct tool_settings. Static. */
const struct setting *tool_settings_table(size_t *count);

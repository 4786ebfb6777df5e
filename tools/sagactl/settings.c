/* settings.c - see settings.h. The names and defaults are those of the services. */
#include "tools/sagactl/settings.h"

#include "common/base/util.h"

static const struct setting table[] = {
    {
        .variable = "KAFKA_BOOTSTRAP_SERVERS",
        .type = SETTING_TEXT,
        .offset = SETTING_OFFSET(struct tool_settings, bootstrap_servers),
        .min = 1,
        .max = SETTINGS_TEXT_SIZE - 1,
        .default_value = "localhost:9092",
        .sentence = "Brokers to start from, as host:port, separated by commas.",
    },
    {
        .variable = "KAFKA_CLIENT_PROPERTIES",
        .type = SETTING_TEXT,
        .offset = SETTING_OFFSET(struct tool_settings, client_properties),
        .max = SETTINGS_TEXT_SIZE - 1,
        .sentence = "File of librdkafka properties, name=value per line: TLS, SASL.",
    },
    {
        .variable = "TOPIC_PREFIX",
        .type = SETTING_NAME,
        .offset = SETTING_OFFSET(struct tool_settings, topic_prefix),
        .max = SETTINGS_PREFIX_SIZE - 1,
        .sentence = "In front of the name of every topic.",
    },
};

const struct setting *tool_settings_table(size_t *count)
{
    *count = ARRAY_LEN(table);
    return table;
}

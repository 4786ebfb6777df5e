/*
 * settings.h - the settings that all services share, beside their own. Private to common/service.
 */
#pragma once

#include <stdio.h>

#include "common/base/log.h"
#include "common/service/service.h"

/* Reads both tables from the environment. Returns 0 or -EINVAL with a line. */
int settings_read(const struct service *service, struct service_settings *ret, struct error *err);

/*
 * The level to log at: what LOG_LEVEL_FILE says by now, or else LOG_LEVEL. Returns 0, or a negative
 * errno with a line, -EINVAL if the file names no level.
 */
int settings_log_level(const struct service_settings *settings, enum log_level *ret,
                       struct error *err);

/* Checks them and fills in `ret`, but for its consumer group, which is not a setting. */
int settings_traces(const struct service_settings *settings, struct tracer_config *ret,
                    struct error *err);

/* Has librdkafka check the properties file, without connecting. Returns 0 or a negative errno. */
int settings_check_kafka(const struct kafka_config *kafka, struct error *err);

/* The text of --help. */
void settings_print_help(const struct service *service, FILE *out);

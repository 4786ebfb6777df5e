/* config.c - see config.h. */
#include "common/base/config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"

static bool is_name(const char *text)
{
    for (; *text != '\0'; text++)
        if (!isalnum((unsigned char)*text) && strchr("._-", *text) == NULL)
            return false;
    return true;
}

static int read_text(const struct setting *setting, const char *value, char *target,
                     struct error *err)
{
    int64_t len = (int64_t)strlen(value);

    if (len < setting->min || len > setting->max)
        return error_set(err, -EINVAL,
                         "%s must have %" PRId64 " to %" PRId64 " characters, not %" PRId64,
                         setting->variable, setting->min, setting->max, len);
    if (setting->type == SETTING_NAME && !is_name(value))
        return error_set(err, -EINVAL, "%s may only have letters, digits, '.', '_' and '-': '%s'",
                         setting->variable, value);
    memcpy(target, value, (size_t)len + 1);
    return 0;
}

static int read_integer(const struct setting *setting, const char *value, int64_t *target,
                        struct error *err)
{
    char *end = NULL;

    errno = 0;
    long long number = strtoll(value, &end, 10);
    bool malformed = errno != 0 || end == value || *end != '\0' || isspace((unsigned char)*value);
    if (malformed || number < setting->min || number > setting->max)
        return error_set(err, -EINVAL,
                         "%s must be a whole number from %" PRId64 " to %" PRId64 ", not '%s'",
                         setting->variable, setting->min, setting->max, value);
    *target = number;
    return 0;
}

static int read_choice(const struct setting *setting, const char *value, int64_t *target,
                       struct error *err)
{
    char known[128] = "";

    for (int64_t i = 0; setting->choices[i] != NULL; i++) {
        if (str_equal(value, setting->choices[i])) {
            *target = i;
            return 0;
        }
        snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s", i > 0 ? ", " : "",
                 setting->choices[i]);
    }
    return error_set(err, -EINVAL, "%s must be one of %s, not '%s'", setting->variable, known,
                     value);
}

static int read_setting(const struct setting *setting, void *config, struct error *err)
{
    const char *value = getenv(setting->variable);
    void *target = (char *)config + setting->offset;

    if (value == NULL)
        value = setting->default_value != NULL ? setting->default_value : "";
    switch (setting->type) {
    case SETTING_TEXT:
    case SETTING_NAME:
        return read_text(setting, value, target, err);
    case SETTING_INTEGER:
        return read_integer(setting, value, target, err);
    case SETTING_CHOICE:
        return read_choice(setting, value, target, err);
    case SETTING_NONE:
        break;
    }
    return error_set(err, -EINVAL, "%s has no type", setting->variable);
}

int config_read(const struct setting *settings, size_t count, void *config, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        int r = read_setting(&settings[i], config, err);
        if (r < 0)
            return r;
    }
    return 0;
}

void config_print_help(const struct setting *settings, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct setting *s = &settings[i];

        fprintf(out, "  %-26s default %s", s->variable,
                s->default_value != NULL ? s->default_value : "(empty)");
        if (s->type == SETTING_INTEGER)
            fprintf(out, ", %" PRId64 " to %" PRId64, s->min, s->max);
        for (int64_t c = 0; s->type == SETTING_CHOICE && s->choices[c] != NULL; c++)
            fprintf(out, "%s%s", c > 0 ? " | " : ", one of ", s->choices[c]);
        if (s->unit != NULL && s->unit[0] != '\0')
            fprintf(out, " (%s)", s->unit);
        fprintf(out, "\n  %-26s %s\n", "", s->sentence);
    }
}

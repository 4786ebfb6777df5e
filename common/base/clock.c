/* clock.c - see clock.h. The calendar is computed here: timegm and strftime cost 1 us per event. */
#include "common/base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#define MS_PER_DAY 86400000LL

static int64_t clock_read_us(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_utc_ms(void)
{
    return clock_read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_monotonic_ms(void)
{
    return clock_read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_us(void)
{
    return clock_read_us(CLOCK_MONOTONIC);
}

/* Howard Hinnant, "chrono-compatible low-level date algorithms": days_from_civil. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

/* The inverse: civil_from_days. */
static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = z / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

static char *put_digits(char *out, int64_t value, int count)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + count;
}

void timestamp_format(int64_t utc_ms, char out[TIMESTAMP_SIZE])
{
    int64_t ms_of_day = utc_ms % MS_PER_DAY;
    int year, month, day;
    char *p = out;

    civil_from_days(utc_ms / MS_PER_DAY, &year, &month, &day);
    p = put_digits(p, year, 4);
    *p++ = '-';
    p = put_digits(p, month, 2);
    *p++ = '-';
    p = put_digits(p, day, 2);
    *p++ = 'T';
    p = put_digits(p, ms_of_day / 3600000, 2);
    *p++ = ':';
    p = put_digits(p, ms_of_day / 60000 % 60, 2);
    *p++ = ':';
    p = put_digits(p, ms_of_day / 1000 % 60, 2);
    *p++ = '.';
    p = put_digits(p, ms_of_day % 1000, 3);
    *p++ = 'Z';
    *p = '\0';
}

/* Matches `text` against "dddd-dd-...": a 'd' is a digit, anything else stands for itself. */
static bool matches_pattern(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; text++, pattern++)
        if (*pattern == 'd' ? *text < '0' || *text > '9' : *text != *pattern)
            return false;
    return true;
}

static int digits(const char *text, int count)
{
    int value = 0;

    for (int i = 0; i < count; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

int timestamp_parse(const char *text, size_t len, int64_t *ret_utc_ms)
{
    if (len != TIMESTAMP_SIZE - 1 || !matches_pattern(text, "dddd-dd-ddTdd:dd:dd.dddZ"))
        return -EINVAL;

    int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    int hour = digits(text + 11, 2), minute = digits(text + 14, 2), second = digits(text + 17, 2);

    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return -EINVAL;
    if (hour > 23 || minute > 59 || second > 59)
        return -EINVAL;
    *ret_utc_ms = days_from_civil(year, month, day) * MS_PER_DAY +
                  (hour * 3600 + minute * 60 + second) * 1000LL + digits(text + 20, 3);
    return 0;
}

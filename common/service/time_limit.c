/* time_limit.c - see time_limit.h. */
#include "common/service/time_limit.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/base/log.h"

static volatile sig_atomic_t code;

static void on_time(int number)
{
    (void)number;
    log_from_signal("level=warn event=stop_takes_too_long fate=exit");
    _exit(code);
}

void time_limit_set(int ms, int exit_code)
{
    const struct itimerval limit = {
        .it_value = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000}};

    code = exit_code;
    signal(SIGALRM, on_time);
    setitimer(ITIMER_REAL, &limit, NULL);
}

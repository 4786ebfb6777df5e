/* time_limit.h - the process ends in time, whatever a library waits for. */
#pragma once

/*
 * After `ms` the process logs it and ends with this code at once, without running anything more.
 * Replaces the limit before it; 0 ms: there is none any more. One thread, by SIGALRM.
 */
void time_limit_set(int ms, int exit_code);

/* suite.h - runs one Check suite as a program: the exit code is 0 if and only if all tests pass. */
#pragma once

#include <check.h>
#include <stdlib.h>

static inline int suite_main(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

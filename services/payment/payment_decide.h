/* payment_decide.h - the rules of the payment service; the table is in the .c file. Pure. */
#pragma once

#include <stdint.h>

#include "common/event/decision.h"

struct payment_settings {
    int64_t decline_over_minor; /* the simulated provider refuses larger charges */
};

/* `settings` is a struct payment_settings. */
decide_function payment_decide;

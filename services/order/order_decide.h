/* order_decide.h - the rules of the order service; the table is in the .c file. Pure. */
#pragma once

#include "common/event/decision.h"

/* Has no settings. */
decide_function order_decide;

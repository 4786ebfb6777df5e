/* inventory_decide.h - the rules of the inventory service; the table is in the .c file. Pure. */
#pragma once

#include "common/event/decision.h"

/*
 * Has no settings. The related states are the stock levels that inventory_relate() asked for: the
 * last StockLevelChanged of each product, or an event of type EVENT_NONE.
 */
decide_function inventory_decide;

/* Names the products whose levels the decision changes: each once, by its first line. */
relate_function inventory_relate;

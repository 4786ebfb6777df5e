/*
 * order_next.h - what is still to come of an order: the decision tables of the four services, read
 * backwards. Private to common/event; the outside is order_view.h.
 */
#pragma once

#include "common/event/order_view.h"

/* Fills in next[] and next_count from the steps and the status. */
void order_next_find(struct order_view *view);

/* shipping_decide.h - the rules of the shipping service; the table is in the .c file. Pure. */
#pragma once

#include <stdbool.h>

#include "common/event/decision.h"

#define REFUSE_CUSTOMERS_SIZE 4096

struct shipping_settings {
    char refuse_customers[REFUSE_CUSTOMERS_SIZE]; /* "c-1,c-2": the carrier ships nothing to them */
};

/* `settings` is a struct shipping_settings. */
decide_function shipping_decide;

/*
 * True if `customer_id`, which is not empty, is an entry of the list: whole, never a part of one.
 * Entries are separated by commas; spaces, which no id has, separate too. Empty ones do not count.
 */
bool customer_list_has(const char *list, const char *customer_id);

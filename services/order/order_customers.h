/*
 * order_customers.h - whose an order is: what was found out lately, in a table of fixed size. An
 * entry gives way to any other that falls on its place. One thread.
 */
#pragma once

#include "common/event/event.h"

/* A power of two; about 0.4 MiB. */
#define CUSTOMERS_MAX 4096

struct order_customers {
    struct {
        char order_id[UUID_SIZE]; /* "": empty */
        char customer_id[CUSTOMER_ID_SIZE];
    } entries[CUSTOMERS_MAX];
};

/* NULL: not known. Borrowed until the next put. */
const char *order_customers_get(const struct order_customers *customers, const char *order_id);

void order_customers_put(struct order_customers *customers, const char *order_id,
                         const char *customer_id);

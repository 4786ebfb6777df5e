/*
 * order_customers.h - whose an order is: what was found out lately, in a table of fixed size. An
 * entry gives way to any other that falls on its place. One thread.
 */
#pragma once

#include "common/event/event.h"

/* A power of two; about 0.7 MiB. */
#define CUSTOMERS_MAX 4096

struct order_owner {
    char customer_id[CUSTOMER_ID_SIZE]; /* "": it was never placed */
    char client_id[CLIENT_ID_SIZE];     /* "": it came without a token */
};

struct order_customers {
    struct {
        char order_id[UUID_SIZE]; /* "": empty */
        struct order_owner owner;
    } entries[CUSTOMERS_MAX];
};

/* NULL: not known. Borrowed until the next put. */
const struct order_owner *order_customers_get(const struct order_customers *customers,
                                              const char *order_id);

/* `placed` NULL: the order was never placed. Returns what get would. */
const struct order_owner *order_customers_put(struct order_customers *customers,
                                              const char *order_id,
                                              const struct order_placed *placed);

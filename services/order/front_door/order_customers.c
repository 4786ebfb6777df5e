/* order_customers.c - see order_customers.h. */
#include "services/order/front_door/order_customers.h"

#include "common/base/util.h"

/* FNV-1a */
static size_t place_of(const char *order_id)
{
    uint32_t hash = 2166136261u;

    for (const char *p = order_id; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    return hash & (CUSTOMERS_MAX - 1);
}

const struct order_owner *order_customers_get(const struct order_customers *customers,
                                              const char *order_id)
{
    size_t place = place_of(order_id);

    return str_equal(customers->entries[place].order_id, order_id)
               ? &customers->entries[place].owner
               : NULL;
}

const struct order_owner *order_customers_put(struct order_customers *customers,
                                              const char *order_id,
                                              const struct order_placed *placed)
{
    size_t place = place_of(order_id);
    struct order_owner *owner = &customers->entries[place].owner;

    str_copy(customers->entries[place].order_id, UUID_SIZE, order_id);
    *owner = (struct order_owner){.customer_id = ""};
    if (placed != NULL) {
        str_copy(owner->customer_id, sizeof(owner->customer_id), placed->customer_id);
        str_copy(owner->client_id, sizeof(owner->client_id), placed->client_id);
    }
    return owner;
}

/*
 * decide_support.h - given / when / then for the pure cores of the services, without Kafka.
 *
 *   GIVEN(payment_processed(1999, "A:2 B:1"));            the own last event about the order
 *   GIVEN(stock_level("A", 5, 2, 3, -1));                 ... and about products
 *   WHEN(shipment_failed("shipment_refused"));            decides; nothing is published yet
 *   THEN(inventory_released("A:2", "..."), stock_level("A", 5, 0, 5, -1));    exactly these
 *   THEN_NOTHING();   THEN_IMPOSSIBLE("part of the text");
 *
 * All events are about ORDER_ID. Items are written "A:2 B:1", product and quantity. Test code: one
 * scene per process, failures are Check's.
 */
#pragma once

#include <check.h>

#include "common/base/util.h"
#include "common/kafka/participant.h"

#define ORDER_ID "0193652f-8a31-7c04-9a5e-3f1d2b7c8e90"
#define CUSTOMER_ID "customer-1"
#define CURRENCY "EUR"

/* As ck_assert_msg(), for inner loops: Check spends a write() on each condition that holds. */
#define REQUIRE(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg(#condition ": " __VA_ARGS__);                                             \
    } while (0)

/* What a service published: its own last event about the order, and about each product. */
struct book {
    struct event order;
    size_t level_count;
    struct stock_level_changed levels[ITEMS_MAX];
};

/*
 * Decides as the runtime would: own last event by ledger, related events by their keys. Ids and
 * time, which the runtime fills in, are left empty in all events here.
 */
void book_decide(const struct participant *participant, const void *settings,
                 const struct book *book, const struct event *event, int64_t offset,
                 struct decision *out);

/* Publishes an event, or all of a decision. */
void book_add(struct book *book, const struct event *event);
void book_add_all(struct book *book, const struct decision *decision);

bool book_equal(const struct book *a, const struct book *b);

void scene_start(const struct participant *participant, const void *settings);
void scene_given(struct event event);
void scene_when(struct event event, int64_t offset);
void scene_then(const char *file, int line, const struct event *expected, size_t count);
void scene_then_impossible(const char *file, int line, const char *part);

#define GIVEN(event) scene_given(event)
#define WHEN(event) scene_when(event, 0)
#define WHEN_AT(offset, event) scene_when(event, offset)
#define THEN(...)                                                                                  \
    do {                                                                                           \
        const struct event expected_[] = {__VA_ARGS__};                                            \
        scene_then(__FILE__, __LINE__, expected_, ARRAY_LEN(expected_));                           \
    } while (0)
#define THEN_NOTHING() scene_then(__FILE__, __LINE__, NULL, 0)
#define THEN_IMPOSSIBLE(part) scene_then_impossible(__FILE__, __LINE__, part)

/* "P0:1 P1:2 ... P99:100": as many products as an order can have. Static. */
const char *all_products(void);

struct event nothing(void);
struct event order_submitted(int64_t total_minor, const char *items);
struct event order_cancellation_submitted(const char *reason);
struct event order_placed(int64_t total_minor, const char *items);
struct event order_cancellation_requested(const char *reason);
struct event payment_processed(int64_t amount_minor, const char *items);
struct event payment_failed(const char *reason);
struct event payment_refunded(int64_t amount_minor, const char *reason);
struct event payment_cancelled(const char *reason);
struct event inventory_reserved(const char *items);
struct event inventory_reservation_failed(const char *reason);
struct event inventory_released(const char *items, const char *reason);
struct event inventory_reservation_cancelled(const char *reason);
struct event inventory_deducted(const char *items);
struct event shipment_created(const char *items);
struct event shipment_failed(const char *reason);
struct event shipment_cancelled(const char *reason);
struct event order_completed(void);
struct event order_cancelled(const char *reason);
struct event stock_level(const char *product, int64_t on_hand, int64_t reserved, int64_t available,
                         int64_t last_receipt_offset);
struct event stock_received(const char *product, int64_t quantity);

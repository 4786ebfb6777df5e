/* samples.h - valid events, told apart by a number: the same number is the same order. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/event/event.h"

/* 2026-11-24T16:15:37.123Z, the time of all samples. */
#define SAMPLE_MS INT64_C(1795536937123)

/* The order id of that number. */
void sample_key(size_t number, char out[UUID_SIZE]);

/* `out` is the caller's; all bytes of it are written. */
void sample_order_placed(struct event *out, size_t number);
void sample_payment_failed(struct event *out, size_t number, const char *reason);
void sample_payment_processed(struct event *out, size_t number, size_t item_count);
void sample_stock_level(struct event *out, const char *product, int64_t on_hand);

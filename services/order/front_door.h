/*
 * front_door.h - the HTTP interface of the order service: POST /v1/orders, GET /v1/orders/{id} and
 * its timeline. Decides nothing about orders: it writes OrderPlaced, and shows what the events say.
 */
#pragma once

#include "common/service/service.h"

extern const struct service_extension order_front_door;

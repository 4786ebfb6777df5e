/*
 * front_door.h - the HTTP interface of the order service. Decides nothing about orders: it writes
 * what clients ask for, and shows what the events say.
 */
#pragma once

#include "common/service/service.h"

extern const struct service_extension order_front_door;

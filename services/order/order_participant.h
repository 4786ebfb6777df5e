/* order_participant.h - what the order service reads and writes: data for runtime.h. */
#pragma once

#include "common/kafka/participant.h"

extern const struct participant order_participant;

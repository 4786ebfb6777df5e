/* inventory_participant.h - what the inventory service reads and writes: data for runtime.h. */
#pragma once

#include "common/kafka/participant.h"

extern const struct participant inventory_participant;

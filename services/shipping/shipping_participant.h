/* shipping_participant.h - what the shipping service reads and writes: data for runtime.h. */
#pragma once

#include "common/kafka/participant.h"

extern const struct participant shipping_participant;

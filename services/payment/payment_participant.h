/* payment_participant.h - what the payment service reads and writes: data for runtime.h. */
#pragma once

#include "common/kafka/participant.h"

extern const struct participant payment_participant;

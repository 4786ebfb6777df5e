/* main.c - the payment service, wired together. The rules are in payment_decide.c. */
#include "common/base/util.h"
#include "common/service/service.h"
#include "services/payment/payment_decide.h"
#include "services/payment/payment_participant.h"

static const struct setting settings[] = {
    {
        .variable = "PAYMENT_DECLINE_OVER",
        .type = SETTING_INTEGER,
        .offset = SETTING_OFFSET(struct payment_settings, decline_over_minor),
        .min = 0,
        .max = AMOUNT_MINOR_MAX,
        .default_value = "100000",
        .unit = "minor units",
        .sentence = "The simulated provider declines larger charges; 100000 is 1000.00.",
    },
};

int main(int argc, char *argv[])
{
    struct payment_settings config = {0};
    const struct service service = {
        .purpose = "Charges orders, and gives the money back when they cannot be fulfilled.",
        .http_port_default = "8081",
        .participant = &payment_participant,
        .settings = settings,
        .setting_count = ARRAY_LEN(settings),
        .config = &config,
    };

    return service_main(argc, argv, &service);
}

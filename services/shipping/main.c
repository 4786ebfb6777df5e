/* main.c - the shipping service, wired together. The rules are in shipping_decide.c. */
#include "common/base/util.h"
#include "common/service/service.h"
#include "services/shipping/shipping_decide.h"
#include "services/shipping/shipping_participant.h"

static const struct setting settings[] = {
    {
        .variable = "SHIPPING_REFUSE_CUSTOMERS",
        .type = SETTING_TEXT,
        .offset = SETTING_OFFSET(struct shipping_settings, refuse_customers),
        .min = 0,
        .max = REFUSE_CUSTOMERS_SIZE - 1,
        .sentence = "Customers, by id, separated by commas: the simulated carrier refuses them.",
    },
};

int main(int argc, char *argv[])
{
    struct shipping_settings config = {0};
    const struct service service = {
        .purpose = "Ships what is held for an order, or cancels it: whichever comes first.",
        .http_port_default = "8083",
        .participant = &shipping_participant,
        .settings = settings,
        .setting_count = ARRAY_LEN(settings),
        .config = &config,
    };

    return service_main(argc, argv, &service);
}

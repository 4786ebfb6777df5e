/* main.c - the order service, wired together. Rules: order_decide.c; HTTP: front_door.c. */
#include "common/base/util.h"
#include "common/service/service.h"
#include "services/order/front_door/deadlines.h"
#include "services/order/front_door/front_door.h"
#include "services/order/order_participant.h"

static const struct setting settings[] = {
    {
        .variable = "ORDER_DEADLINE_S",
        .type = SETTING_INTEGER,
        .offset = SETTING_OFFSET(struct order_settings, deadline_s),
        .min = 1,
        .max = ORDER_DEADLINE_S_MAX,
        .default_value = "900",
        .unit = "s",
        .sentence = "An order that is not final by then is cancelled.",
    },
    {
        .variable = "API_TOKENS_FILE",
        .type = SETTING_TEXT,
        .offset = SETTING_OFFSET(struct order_settings, api_tokens_file),
        .max = ORDER_PATH_SIZE - 1,
        .unit = "path",
        .sentence = "Bearer tokens, client_id:token per line. Empty: everybody may do everything.",
    },
};

int main(int argc, char *argv[])
{
    struct order_settings config = {0};
    const struct service service = {
        .purpose = "Takes orders over HTTP, and says how each of them ended.",
        .http_port_default = "8080",
        .participant = &order_participant,
        .settings = settings,
        .setting_count = ARRAY_LEN(settings),
        .config = &config,
        .extension = &order_front_door,
    };

    return service_main(argc, argv, &service);
}

/* main.c - the order service, wired together. Rules: order_decide.c; HTTP: front_door.c. */
#include "common/service/service.h"
#include "services/order/front_door.h"
#include "services/order/order_participant.h"

int main(int argc, char *argv[])
{
    const struct service service = {
        .purpose = "Takes orders over HTTP, and says how each of them ended.",
        .http_port_default = "8080",
        .participant = &order_participant,
        .extension = &order_front_door,
    };

    return service_main(argc, argv, &service);
}

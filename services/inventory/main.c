/* main.c - the inventory service, wired together. The rules are in inventory_decide.c. */
#include "common/service/service.h"
#include "services/inventory/inventory_participant.h"

int main(int argc, char *argv[])
{
    const struct service service = {
        .purpose = "Holds stock for orders: all lines or none; deducts or releases them.",
        .http_port_default = "8082",
        .participant = &inventory_participant,
    };

    return service_main(argc, argv, &service);
}

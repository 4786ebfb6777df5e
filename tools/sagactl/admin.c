/* admin.c - see admin.h. */
#include "tools/sagactl/admin.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

/* The library ends a request in time by itself; this is for the case that it does not. */
#define ADMIN_GRACE_MS 2000

void admin_open(struct cluster *cluster, rd_kafka_admin_op_t operation, struct admin_request *ret)
{
    rd_kafka_resp_err_t code;

    ret->replies = rd_kafka_queue_new(cluster->client);
    ret->options = rd_kafka_AdminOptions_new(cluster->client, operation);
    code = rd_kafka_AdminOptions_set_request_timeout(ret->options, CLUSTER_TIMEOUT_MS, NULL, 0);
    assert(code == RD_KAFKA_RESP_ERR_NO_ERROR);
    (void)code;
}

void admin_close(struct admin_request *request)
{
    if (request->options != NULL)
        rd_kafka_AdminOptions_destroy(request->options);
    if (request->replies != NULL)
        rd_kafka_queue_destroy(request->replies);
    *request = (struct admin_request){0};
}

int admin_wait(struct cluster *cluster, struct admin_request *request, const char *what,
               rd_kafka_event_t **ret, struct error *err)
{
    CLEANUP(admin_event_cleanup) rd_kafka_event_t *event =
        rd_kafka_queue_poll(request->replies, CLUSTER_TIMEOUT_MS + ADMIN_GRACE_MS);

    if (event == NULL)
        return cluster_no_answer(cluster, err);

    rd_kafka_resp_err_t code = rd_kafka_event_error(event);

    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT)
        return cluster_no_answer(cluster, err);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_set(err, -EIO, "cannot %s: %s", what, rd_kafka_event_error_string(event));
    *ret = TAKE_PTR(event);
    return 0;
}

/* commands.h - what the tool can do; one function per row of the table in main.c. */
#pragma once

#include "tools/sagactl/cli.h"

enum exit_code topics_apply(const struct invocation *in, struct error *err);
enum exit_code acls_print(const struct invocation *in, struct error *err);
enum exit_code acls_apply(const struct invocation *in, struct error *err);
enum exit_code users_apply(const struct invocation *in, struct error *err);
enum exit_code stock_receive(const struct invocation *in, struct error *err);
enum exit_code stock_show(const struct invocation *in, struct error *err);
enum exit_code order_show(const struct invocation *in, struct error *err);
enum exit_code check(const struct invocation *in, struct error *err);
enum exit_code order_list(const struct invocation *in, struct error *err);
enum exit_code order_cancel(const struct invocation *in, struct error *err);
enum exit_code stuck(const struct invocation *in, struct error *err);
enum exit_code dead_letters_list(const struct invocation *in, struct error *err);
enum exit_code dead_letters_show(const struct invocation *in, struct error *err);
enum exit_code dead_letters_replay(const struct invocation *in, struct error *err);
enum exit_code dead_letters_discard(const struct invocation *in, struct error *err);

/* Rows of options, as they stand in main.c. */
enum { TOPICS_APPLY_DRY_RUN, TOPICS_APPLY_STRICT };
enum { ACLS_PRINCIPAL_PREFIX, ACLS_PRINT_FORMAT, ACLS_PRINT_CLUSTER };
enum { ACLS_APPLY_DRY_RUN = 1 };
enum { USERS_APPLY_PRINCIPAL_PREFIX };
enum { STOCK_RECEIVE_ONCE };
enum { STOCK_SHOW_JSON };
enum { ORDER_SHOW_JSON };
enum { CHECK_FINAL, CHECK_JSON };
enum { ORDER_LIST_STATUS, ORDER_LIST_CUSTOMER, ORDER_LIST_LIMIT, ORDER_LIST_JSON };
enum { ORDER_CANCEL_REASON, ORDER_CANCEL_WAIT, ORDER_CANCEL_JSON };
enum { STUCK_FOR, STUCK_JSON };
enum {
    DEAD_LETTERS_LIST_SERVICE,
    DEAD_LETTERS_LIST_CAUSE,
    DEAD_LETTERS_LIST_ALL,
    DEAD_LETTERS_LIST_JSON,
};
enum { DEAD_LETTERS_SHOW_JSON };
enum {
    DEAD_LETTERS_REPLAY_SERVICE,
    DEAD_LETTERS_REPLAY_CAUSE,
    DEAD_LETTERS_REPLAY_ALL,
    DEAD_LETTERS_REPLAY_DRY_RUN,
};
enum { DEAD_LETTERS_DISCARD_REASON, DEAD_LETTERS_DISCARD_DRY_RUN };

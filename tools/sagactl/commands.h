/* commands.h - what the tool can do; one function per row of the table in main.c. */
#pragma once

#include "tools/sagactl/cli.h"

enum exit_code topics_apply(const struct invocation *in, struct error *err);
enum exit_code stock_receive(const struct invocation *in, struct error *err);
enum exit_code order_show(const struct invocation *in, struct error *err);

/* Rows of options, as they stand in main.c. */
enum { TOPICS_APPLY_DRY_RUN, TOPICS_APPLY_STRICT };
enum { STOCK_RECEIVE_ONCE };
enum { ORDER_SHOW_JSON };

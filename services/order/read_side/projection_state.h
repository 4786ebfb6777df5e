/*
 * projection_state.h - what projection.c, which writes the store, and projection_read.c share.
 * Private to them.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/kafka/identity.h"
#include "services/order/read_side/projection.h"

#define DIRECTORY_SIZE 2048
#define REBUILDING "the read side is being rebuilt"

struct projection {
    struct projection_config config;
    char directory[DIRECTORY_SIZE];
    pthread_t thread;

    pthread_mutex_t lock; /* of the four below */
    pthread_cond_t changed;
    bool stopping;
    struct error reason; /* why it is not ready */

    pthread_rwlock_t store_lock; /* of these: writing means another store */
    struct store *store;
    struct topics topics; /* that it is of */
    uint64_t generation;  /* another one for each store */
    bool is_readable;

    atomic_bool is_damaged; /* says a reader */

    /* The thread's own. */
    char identity[STORE_IDENTITY_SIZE]; /* of the store; "": none is open */
    struct follower follower;
    struct applier applier;
    struct codec *codec;
    int64_t next_check_ms;
};

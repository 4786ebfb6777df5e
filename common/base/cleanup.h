/*
 * cleanup.h - release of locals when they leave scope, and the handing over of ownership.
 *
 *   CLEANUP(free_ptr) char *text = ...;     freed at the end of the scope
 *   *ret = TAKE_PTR(text);                  handed to the caller: the local becomes NULL
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

#define TAKE_PTR(pointer)                                                                          \
    ({                                                                                             \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

/* Defines `name(type **)` for CLEANUP from a free function that takes NULL. */
#define DEFINE_CLEANUP(name, type, free_function)                                                  \
    static inline void name(type **pointer)                                                        \
    {                                                                                              \
        if (*pointer != NULL)                                                                      \
            free_function(*pointer);                                                               \
    }

static inline void free_ptr(void *pointer)
{
    free(*(void **)pointer);
}

static inline void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

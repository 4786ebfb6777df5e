/* letters.h - goes through the dead letters that a command line names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"
#include "tools/sagactl/cli.h"
#include "tools/sagactl/cluster.h"
#include "tools/sagactl/letter.h"
#include "tools/sagactl/resolutions.h"

/* A letter that was asked for by its id. */
struct letter_wish {
    struct letter_id id; /* first: sorted and found by it */
    bool found;
};

/* Which letters: by their ids, or else of one service, or of a cause, or all. */
struct selection {
    const struct letter_service *service; /* NULL: of each */
    const char *cause;                    /* is part of the letter's; NULL: any. Borrowed */
    size_t wish_count;
    struct letter_wish *wishes; /* sorted; NULL: not by id */
};

/*
 * Reads ids from the arguments, and the values of the options --service and --cause, each NULL if
 * it was not given. `ret` is ended with selection_done() in any case. Returns 0, -EINVAL, -ENOMEM.
 */
int selection_read(const struct invocation *in, const char *service, const char *cause,
                   struct selection *ret, struct error *err);
void selection_done(struct selection *selection);

/* False: none of its letters can be selected. */
bool selection_concerns(const struct selection *selection, const struct letter_service *service);

/* An id that no letter has that was read so far; NULL: there is none. */
const struct letter_id *selection_missing(const struct selection *selection);

/* Returns 0 to go on; a negative errno ends the reading. Everything is borrowed for the call. */
typedef int letter_function(void *context, const struct letter *letter,
                            const struct resolution *resolution, struct error *err);

/*
 * Hands over the letters of a service that are selected, open or not, those of a partition in their
 * order. `cluster` is one for consuming, open. Returns as log_read().
 */
int letters_read(struct cluster *cluster, const struct letter_service *service,
                 struct selection *selection, const struct resolutions *resolutions,
                 letter_function *on_letter, void *context, struct error *err);

/* The same for all services that are concerned, with what is resolved by now. */
int letters_look(struct cluster *cluster, struct selection *selection, letter_function *on_letter,
                 void *context, struct error *err);

/* letters.c - see letters.h. */
#include "tools/sagactl/letters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/sagactl/log_read.h"

struct reading {
    const struct letter_service *service;
    struct selection *selection;
    const struct resolutions *resolutions;
    struct codec *codec;
    letter_function *on_letter;
    void *context;
};

static int read_wishes(const struct invocation *in, struct selection *selection, struct error *err)
{
    selection->wishes = calloc(in->argument_count, sizeof(*selection->wishes));
    if (selection->wishes == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < in->argument_count; i++) {
        const char *text = in->arguments[i];

        if (letter_id_parse((struct bytes){text, strlen(text)}, &selection->wishes[i].id) < 0)
            return error_set(err, -EINVAL,
                             "'%s' is no id of a dead letter: payment/0/12 would be one", text);
    }
    selection->wish_count = in->argument_count;
    qsort(selection->wishes, selection->wish_count, sizeof(*selection->wishes), letter_id_compare);
    return 0;
}

int selection_read(const struct invocation *in, const char *service, const char *cause,
                   struct selection *ret, struct error *err)
{
    *ret = (struct selection){.cause = cause};
    if (in->argument_count > 0 && (service != NULL || cause != NULL))
        return error_set(err, -EINVAL, "either ids, or --service and --cause");
    if (service != NULL)
        ret->service = letter_service_find(service, strlen(service));
    if (service != NULL && ret->service == NULL)
        return error_set(err, -EINVAL, "there is no service '%s'", service);
    return in->argument_count > 0 ? read_wishes(in, ret, err) : 0;
}

void selection_done(struct selection *selection)
{
    free(selection->wishes);
    selection->wishes = NULL;
    selection->wish_count = 0;
}

bool selection_concerns(const struct selection *selection, const struct letter_service *service)
{
    if (selection->wishes == NULL)
        return selection->service == NULL || selection->service == service;
    for (size_t i = 0; i < selection->wish_count; i++)
        if (selection->wishes[i].id.service == service)
            return true;
    return false;
}

const struct letter_id *selection_missing(const struct selection *selection)
{
    for (size_t i = 0; i < selection->wish_count; i++)
        if (!selection->wishes[i].found)
            return &selection->wishes[i].id;
    return NULL;
}

/* The same id may stand there more than once. */
static bool is_wished(struct selection *selection, const struct letter_id *id)
{
    struct letter_wish *end = selection->wishes + selection->wish_count;
    struct letter_wish *wish = bsearch(id, selection->wishes, selection->wish_count,
                                       sizeof(*selection->wishes), letter_id_compare);

    if (wish == NULL)
        return false;
    while (wish > selection->wishes && letter_id_compare(&wish[-1].id, id) == 0)
        wish--;
    for (; wish < end && letter_id_compare(&wish->id, id) == 0; wish++)
        wish->found = true;
    return true;
}

static bool is_selected(struct selection *selection, const struct letter *letter)
{
    const char *cause = selection->cause;

    if (selection->wishes != NULL)
        return is_wished(selection, &letter->id);
    return cause == NULL ||
           (letter->cause.data != NULL &&
            memmem(letter->cause.data, letter->cause.len, cause, strlen(cause)) != NULL);
}

static int on_record(void *context, const struct log_record *record, struct error *err)
{
    const struct reading *reading = context;
    struct letter letter;

    letter_read(reading->service, record->message, reading->codec, &letter);
    if (!is_selected(reading->selection, &letter))
        return 0;
    return reading->on_letter(reading->context, &letter,
                              resolutions_find(reading->resolutions, &letter.id), err);
}

int letters_read(struct cluster *cluster, const struct letter_service *service,
                 struct selection *selection, const struct resolutions *resolutions,
                 letter_function *on_letter, void *context, struct error *err)
{
    CLEANUP(codec_cleanup) struct codec *codec = NULL;
    struct reading reading = {
        .service = service,
        .selection = selection,
        .resolutions = resolutions,
        .on_letter = on_letter,
        .context = context,
    };
    const struct log_request request = {
        .topics = &service->letters,
        .topic_count = 1,
        .on_record = on_record,
        .context = &reading,
    };
    int r = codec_new(&codec, err);

    reading.codec = codec;
    return r == 0 ? log_read(cluster, &request, err) : r;
}

int letters_look(struct cluster *cluster, struct selection *selection, letter_function *on_letter,
                 void *context, struct error *err)
{
    size_t count;
    const struct letter_service *services = letter_services(&count);
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        CLEANUP(resolutions_done) struct resolutions resolutions = {0};

        if (!selection_concerns(selection, &services[i]))
            continue;
        r = resolutions_read(cluster, &services[i], &resolutions, err);
        if (r == 0)
            r = letters_read(cluster, &services[i], selection, &resolutions, on_letter, context,
                             err);
    }
    return r;
}

/*
 * codec.c - see codec.h: the buffers and the limits of a whole document. The members are read in
 * decode.c and written in encode.c; both walk the tables that schemas/generate.py writes.
 */
#include "common/event/codec.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <yyjson.h>

#include "common/event/decode.h"
#include "common/event/encode.h"

/*
 * Room for yyjson to read the largest document; writing the largest event takes a tenth of it. Only
 * the pages that a document needs are ever touched.
 */
#define CODEC_BUFFER_SIZE ((size_t)EVENT_BYTES_MAX * 13 + 4096)

struct codec {
    yyjson_alc allocator;
    struct event event; /* what is being read; the caller's is written when all is well */
    _Alignas(max_align_t) char buffer[CODEC_BUFFER_SIZE];
};

int codec_new(struct codec **ret, struct error *err)
{
    struct codec *codec = malloc(sizeof(*codec));

    if (codec == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    *ret = codec;
    return 0;
}

void codec_free(struct codec *codec)
{
    free(codec);
}

/* All that the last call has allocated is forgotten at once. */
static const yyjson_alc *fresh_allocator(struct codec *codec)
{
    bool done = yyjson_alc_pool_init(&codec->allocator, codec->buffer, sizeof(codec->buffer));

    assert(done);
    return &codec->allocator;
}

/* NULL and a line when it is no JSON. What it returns lives until the codec's next use. */
static yyjson_val *parse(struct codec *codec, const char *json, size_t len, struct error *err)
{
    yyjson_read_err failure;
    yyjson_doc *document;

    if (len > EVENT_BYTES_MAX) {
        error_set(err, -EBADMSG, "larger than %d bytes", EVENT_BYTES_MAX);
        return NULL;
    }
    if (!json_depth_is_bounded(json, len)) {
        error_set(err, -EBADMSG, "nested deeper than %d levels", EVENT_DEPTH_MAX);
        return NULL;
    }
    /* No other flag: strict RFC 8259. The cast is of its interface; without INSITU it only
       reads. */
    document = yyjson_read_opts((char *)json, len, YYJSON_READ_NUMBER_AS_RAW,
                                fresh_allocator(codec), &failure);
    if (document == NULL)
        error_set(err, -EBADMSG, "not JSON: %s at byte %zu", failure.msg, failure.pos);
    return yyjson_doc_get_root(document);
}

int event_decode(struct codec *codec, const char *json, size_t len, struct event *ret,
                 struct error *err)
{
    yyjson_val *document = parse(codec, json, len, err);
    int r = document != NULL ? document_decode(document, &codec->event, err) : -EBADMSG;

    if (r == 0)
        event_copy(ret, &codec->event);
    return r;
}

int event_peek_type(struct codec *codec, const char *json, size_t len, enum event_type *ret,
                    struct error *err)
{
    yyjson_val *document = parse(codec, json, len, err);

    return document != NULL ? document_event_type(document, ret, err) : -EBADMSG;
}

int event_encode(struct codec *codec, const struct event *event, const char **json, size_t *len,
                 struct error *err)
{
    const yyjson_alc *allocator = fresh_allocator(codec);
    yyjson_mut_doc *document = yyjson_mut_doc_new(allocator);
    size_t size = 0;
    int r;

    assert(document != NULL);
    r = document_encode(event, document, err);
    if (r < 0)
        return r;

    char *text = yyjson_mut_write_opts(document, YYJSON_WRITE_NOFLAG, allocator, &size, NULL);

    assert(text != NULL); /* there is room, and all texts were found to be UTF-8 */
    if (size > EVENT_BYTES_MAX)
        return error_set(err, -EINVAL, "larger than %d bytes", EVENT_BYTES_MAX);
    *json = text;
    *len = size;
    return 0;
}

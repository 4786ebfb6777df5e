/*
 * codec.h - events to JSON and back, by the rules of schemas/. Strict both ways: what breaks a rule
 * is neither read nor written. Not a JSON library, and not for HTTP bodies.
 *
 * Read: at most EVENT_BYTES_MAX bytes and EVENT_DEPTH_MAX levels, valid UTF-8, no member twice in
 * an object that is looked at, every number exact. Unknown members are ignored, defaults filled in.
 * Written: compact, members in the order of the schemas, money with two decimals.
 *
 * A codec is a pair of buffers that are used again and again: no call allocates. One thread each.
 */
#pragma once

#include <stddef.h>

#include "common/base/cleanup.h"
#include "common/base/error.h"
#include "common/event/event.h"

struct codec;

/* `ret` is owned by the caller, ended with codec_free(). Returns 0 or -ENOMEM. */
int codec_new(struct codec **ret, struct error *err);
void codec_free(struct codec *codec); /* NULL is harmless */

DEFINE_CLEANUP(codec_cleanup, struct codec, codec_free)

/*
 * Reads one event. `json` is borrowed for the call and needs no NUL.
 *
 * ret      the caller's memory; written on success only, and only event_size(ret) bytes of it.
 * err      starts with the JSON pointer of the member at fault, "/data/items/0/quantity: must be
 *          an integer 1..10000"; the pointer of the whole document is "", and then stands nothing.
 * Returns 0, -ENOTSUP (JSON with an event_type that this program does not know; nothing else of
 * it was looked at), or -EBADMSG (anything else).
 */
int event_decode(struct codec *codec, const char *json, size_t len, struct event *ret,
                 struct error *err);

/*
 * Reads the event_type alone: for records that do not say their type in a header.
 * Returns 0, -ENOTSUP (a type that this program does not know), or -EBADMSG, as event_decode().
 */
int event_peek_type(struct codec *codec, const char *json, size_t len, enum event_type *ret,
                    struct error *err);

/*
 * Writes one event. Every rule is checked that event_decode() would check. Optional texts that are
 * "" are left out; an optional text with a default must be set.
 *
 * json     borrowed from the codec until the next call with it; ends with NUL.
 * Returns 0, or -EINVAL (a member breaks a rule; `err` as above, json and len untouched).
 */
int event_encode(struct codec *codec, const struct event *event, const char **json, size_t *len,
                 struct error *err);

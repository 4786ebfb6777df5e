/*
 * uuid.h - UUIDs as lower-case text (RFC 9562): version 7 where an id is new, version 5 where it
 * follows from something, so that doing a step twice yields the same id.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 36 characters and NUL. */
#define UUID_SIZE 37

/* True for exactly 8-4-4-4-12 lower-case hexadecimal digits. */
bool uuid_is_valid(const char *text, size_t len);

/* When a valid id of version 7 was made, in UTC ms; -1 if it is of another version. */
int64_t uuid_v7_ms(const char *text);

/* A new id, ordered by time: `utc_ms`, then 74 random bits from the kernel. Any thread. */
void uuid_v7(int64_t utc_ms, char out[UUID_SIZE]);

/*
 * The id of `name` within a name space, which is itself a UUID: SHA-1 of both, as Python's
 * uuid.uuid5 computes it. `namespace_uuid` must be valid (asserted). `name` is borrowed.
 */
void uuid_v5(const char *namespace_uuid, const char *name, size_t len, char out[UUID_SIZE]);

/* The 16 bytes of a valid UUID (asserted), and back. */
void uuid_to_bytes(const char *text, uint8_t bytes[16]);
void uuid_from_bytes(const uint8_t bytes[16], char out[UUID_SIZE]);

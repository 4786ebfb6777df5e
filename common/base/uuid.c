/*
 * uuid.c - see uuid.h. SHA-1 (RFC 3174) stands here because RFC 9562 version 5 needs it, on short
 * input and not for secrecy; a crypto library for sixty lines would be the larger dependency.
 */
#include "common/base/uuid.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

#define SHA1_BLOCK 64
#define SHA1_DIGEST 20

struct sha1 {
    uint32_t state[5];
    uint8_t block[SHA1_BLOCK];
    uint64_t length; /* bytes so far */
};

static uint32_t rotate_left(uint32_t value, int bits)
{
    return value << bits | value >> (32 - bits);
}

/* One step of RFC 3174, section 6.1; v is A, B, C, D, E. */
static inline void sha1_step(uint32_t v[5], uint32_t f, uint32_t k, uint32_t w)
{
    uint32_t next = rotate_left(v[0], 5) + f + v[4] + k + w;

    v[4] = v[3];
    v[3] = v[2];
    v[2] = rotate_left(v[1], 30);
    v[1] = v[0];
    v[0] = next;
}

/* Four loops, not one with a choice in it: this is called twice for each event id. */
static void sha1_block(struct sha1 *sha)
{
    uint32_t w[80], v[5];

    memcpy(v, sha->state, sizeof(v));
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)sha->block[4 * i] << 24 | (uint32_t)sha->block[4 * i + 1] << 16 |
               (uint32_t)sha->block[4 * i + 2] << 8 | sha->block[4 * i + 3];
    for (int i = 16; i < 80; i++)
        w[i] = rotate_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 20; i++)
        sha1_step(v, (v[1] & v[2]) | (~v[1] & v[3]), 0x5a827999, w[i]);
    for (int i = 20; i < 40; i++)
        sha1_step(v, v[1] ^ v[2] ^ v[3], 0x6ed9eba1, w[i]);
    for (int i = 40; i < 60; i++)
        sha1_step(v, (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]), 0x8f1bbcdc, w[i]);
    for (int i = 60; i < 80; i++)
        sha1_step(v, v[1] ^ v[2] ^ v[3], 0xca62c1d6, w[i]);
    for (int i = 0; i < 5; i++)
        sha->state[i] += v[i];
}

static void sha1_add(struct sha1 *sha, const void *data, size_t len)
{
    const uint8_t *bytes = data;

    while (len > 0) {
        size_t used = sha->length % SHA1_BLOCK;
        size_t step = len < SHA1_BLOCK - used ? len : SHA1_BLOCK - used;

        memcpy(sha->block + used, bytes, step);
        sha->length += step;
        bytes += step;
        len -= step;
        if (sha->length % SHA1_BLOCK == 0)
            sha1_block(sha);
    }
}

static void sha1_finish(struct sha1 *sha, uint8_t digest[SHA1_DIGEST])
{
    static const uint8_t padding[SHA1_BLOCK] = {0x80};
    size_t used = sha->length % SHA1_BLOCK, end = SHA1_BLOCK - sizeof(uint64_t);
    uint64_t bits = sha->length * 8;
    uint8_t length[sizeof(uint64_t)];

    for (size_t i = 0; i < sizeof(length); i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    sha1_add(sha, padding, used < end ? end - used : end + SHA1_BLOCK - used);
    sha1_add(sha, length, sizeof(length));
    for (int i = 0; i < SHA1_DIGEST; i++)
        digest[i] = (uint8_t)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
}

static bool is_hyphen_place(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

static bool is_lower_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool uuid_is_valid(const char *text, size_t len)
{
    if (len != UUID_SIZE - 1)
        return false;
    for (size_t i = 0; i < len; i++)
        if (is_hyphen_place(i) ? text[i] != '-' : !is_lower_hex(text[i]))
            return false;
    return true;
}

static uint8_t hex_value(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

void uuid_to_bytes(const char *text, uint8_t bytes[16])
{
    size_t count = 0;

    assert(uuid_is_valid(text, strlen(text)));
    for (size_t i = 0; i < UUID_SIZE - 1; i += is_hyphen_place(i) ? 1 : 2)
        if (!is_hyphen_place(i))
            bytes[count++] = (uint8_t)(hex_value(text[i]) << 4 | hex_value(text[i + 1]));
}

void uuid_from_bytes(const uint8_t bytes[16], char out[UUID_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    char *p = out;

    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex[bytes[i] >> 4];
        *p++ = hex[bytes[i] & 15];
    }
    *p = '\0';
}

static void set_version(uint8_t bytes[16], uint8_t version)
{
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | version << 4);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
}

void uuid_v7(int64_t utc_ms, char out[UUID_SIZE])
{
    uint8_t bytes[16];
    ssize_t got = getrandom(bytes, sizeof(bytes), 0);

    assert(got == sizeof(bytes)); /* up to 256 bytes never come short: getrandom(2) */
    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)(utc_ms >> (40 - 8 * i));
    set_version(bytes, 7);
    uuid_from_bytes(bytes, out);
}

int64_t uuid_v7_ms(const char *text)
{
    uint8_t bytes[16];
    int64_t utc_ms = 0;

    uuid_to_bytes(text, bytes);
    for (int i = 0; i < 6; i++)
        utc_ms = utc_ms << 8 | bytes[i];
    return bytes[6] >> 4 == 7 ? utc_ms : -1;
}

void uuid_v5(const char *namespace_uuid, const char *name, size_t len, char out[UUID_SIZE])
{
    struct sha1 sha = {.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
    uint8_t space[16], digest[SHA1_DIGEST];

    uuid_to_bytes(namespace_uuid, space);
    sha1_add(&sha, space, sizeof(space));
    sha1_add(&sha, name, len);
    sha1_finish(&sha, digest);
    set_version(digest, 5);
    uuid_from_bytes(digest, out);
}

/* utf8.c - see utf8.h: the table of RFC 3629, section 4. */
#include "common/base/utf8.h"

#include "common/base/util.h"

static bool is_between(unsigned char byte, unsigned char first, unsigned char last)
{
    return byte >= first && byte <= last;
}

size_t utf8_sequence(const char *text, size_t left)
{
    static const unsigned char narrow[][3] = {
        {0xe0, 0xa0, 0xbf}, {0xed, 0x80, 0x9f}, {0xf0, 0x90, 0xbf}, {0xf4, 0x80, 0x8f}};
    const unsigned char *p = (const unsigned char *)text;
    size_t len = p[0] < 0x80                    ? 1
                 : is_between(p[0], 0xc2, 0xdf) ? 2
                 : is_between(p[0], 0xe0, 0xef) ? 3
                 : is_between(p[0], 0xf0, 0xf4) ? 4
                                                : 0;

    if (len > left)
        return 0;
    for (size_t i = 1; i < len; i++)
        if (!is_between(p[i], 0x80, 0xbf))
            return 0;
    for (size_t i = 0; i < ARRAY_LEN(narrow); i++)
        if (p[0] == narrow[i][0] && !is_between(p[1], narrow[i][1], narrow[i][2]))
            return 0;
    return len;
}

bool utf8_is_valid(const char *text, size_t len)
{
    for (size_t i = 0, step; i < len; i += step) {
        step = utf8_sequence(text + i, len - i);
        if (step == 0)
            return false;
    }
    return true;
}

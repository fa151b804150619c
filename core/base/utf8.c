/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: bytes that somebody else wrote. Out: what of them is text. Nothing is allocated, nothing read beyond the NUL.
 */
#include "utf8.h"

#include <stdint.h>
#include <string.h>

// Bytes that a character has whose first byte this is; 0 where none begins like this.
static size_t announced(unsigned char lead)
{
    return lead < 0x80 ? 1 : lead < 0xC0 || lead >= 0xF8 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

static int is_middle(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

size_t gcam_utf8_length(const char *text)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *at = (const unsigned char *)text;
    const size_t length = announced(at[0]);
    if (length < 2)
        return length;
    uint32_t code = at[0] & (0x7F >> length);
    for (size_t i = 1; i < length; i++) {
        if (!is_middle(at[i]))                  // also at the NUL at the end
            return 0;
        code = code << 6 | (at[i] & 0x3F);
    }
    return code >= least[length] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF) ? length : 0;
}

void gcam_utf8_trim(char *text)
{
    size_t end = strlen(text), start = end;
    while (start && end - start < 3 && is_middle((unsigned char)text[start - 1]))
        start--;
    if (start && announced((unsigned char)text[start - 1]) > end - (start - 1))
        text[start - 1] = '\0';
}

static int is_control(const char *at, size_t length)
{
    const unsigned char *c = (const unsigned char *)at;
    return length == 1 ? c[0] < 0x20 || c[0] == 0x7F : length == 2 && c[0] == 0xC2 && c[1] < 0xA0;
}

void gcam_utf8_disarm(char *text)
{
    char *to = text;
    for (size_t length; *text; text += length ? length : 1) {
        length = gcam_utf8_length(text);
        if (!length || is_control(text, length)) {
            *to++ = length ? ' ' : '?';
        } else {
            memmove(to, text, length);
            to += length;
        }
    }
    *to = '\0';
}

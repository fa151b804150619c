/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: an error code and a format. Out: the same code, and the sentence in the caller's buffer.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "fail.h"

int gcam_fail(char *error, size_t size, int code, const char *format, ...)
{
    if (!error || !size)
        return code;
    va_list arguments;
    va_start(arguments, format);
    errno = code < 0 ? -code : code;
    int length = vsnprintf(error, size, format, arguments);
    va_end(arguments);
    if (length < 0)
        error[0] = '\0';
    if (length < 0 || (size_t)length < size)
        return code;
    // Cut: drop the bytes of a character whose end is missing, and no others.
    size_t end = size - 1, start = end, need = 1;
    while (start && ((unsigned char)error[start - 1] & 0xC0) == 0x80)
        start--;
    if (start && (unsigned char)error[start - 1] >= 0xC0) {
        unsigned char lead = (unsigned char)error[--start];
        need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        if (end - start < need)
            error[start] = '\0';
    }
    return code;
}

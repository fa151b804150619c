/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Formats a message on the stack and hands it to the caller's log callback. Allocates nothing, keeps nothing.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

#define MESSAGE_SIZE 1024

// Removes an UTF-8 character that the end of the buffer cut in two.
static void drop_partial_character(char *text)
{
    size_t end = strlen(text);
    size_t start = end;

    while (start > 0 && end - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = text[start - 1];
    size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (lead >= 0xc0 && end - (start - 1) < need)
        text[start - 1] = 0;
}

void gcam_log(const GradcamLog *log, enum GradcamLogLevel level, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list arguments;

    if (!log || !log->callback)
        return;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    if ((size_t)length >= sizeof(message))
        drop_partial_character(message);
    for (char *c = message; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    log->callback(log->opaque, level, message);
}

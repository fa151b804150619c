/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Formats a message on the stack and hands it to the caller's log callback. Allocates nothing, keeps nothing.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "enum_names.h"
#include "utf8.h"

#define MESSAGE_SIZE 1024

static const char *const levels[] = { "error", "warning", "info", "debug" };

const char *gradcam_log_level_name(enum GradcamLogLevel level)
{
    return GCAM_ENUM_NAME(levels, level);
}

int gradcam_log_level_find(const char *name)
{
    return GCAM_ENUM_FIND(levels, name);
}

static void send(const GradcamLog *log, enum GradcamLogLevel level, const char *format, va_list arguments)
{
    char message[MESSAGE_SIZE];
    if (!log || !log->callback)
        return;
    int length = vsnprintf(message, sizeof(message), format, arguments);
    if (length < 0)
        return;
    if ((size_t)length >= sizeof(message))
        gcam_utf8_trim(message);
    gcam_utf8_disarm(message);
    log->callback(log->opaque, level, message);
}

void gcam_log(const GradcamLog *log, enum GradcamLogLevel level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    send(log, level, format, arguments);
    va_end(arguments);
}

int gcam_fail(const GradcamLog *log, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    errno = code < 0 ? -code : code;
    send(log, GRADCAM_LOG_ERROR, format, arguments);
    va_end(arguments);
    return code;
}

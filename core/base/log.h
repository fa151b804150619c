/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sends one sentence to the log callback of whoever called the library. This is the one way in which the library says
 * what is wrong: a function that can fail for more than one reason takes a log.
 */
#ifndef GCAM_BASE_LOG_H
#define GCAM_BASE_LOG_H

#include "gradcam.h"

#if defined(__GNUC__)
#define GCAM_FORMAT(at) __attribute__((format(printf, at, at + 1)))
#else
#define GCAM_FORMAT(at)
#endif

// log NULL, or one without a callback, is silent. Formats on the stack: the message is cut at 1023 bytes
// (never inside a UTF-8 character), and disarmed, so that it is one line that does nothing to a terminal whatever
// names a file brought in.
GCAM_FORMAT(3) void gcam_log(const GradcamLog *log, enum GradcamLogLevel level, const char *format, ...);

// Logs an error, and returns its code, so that a failing line reads `return gcam_fail(log, -EBADMSG, "...")`. %m in the
// format is the system's text for the code.
GCAM_FORMAT(3) int gcam_fail(const GradcamLog *log, int code, const char *format, ...);

#endif

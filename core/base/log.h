/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sends one sentence to the log callback of whoever called the library.
 */
#ifndef GCAM_BASE_LOG_H
#define GCAM_BASE_LOG_H

#include "gradcam.h"

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
// log NULL, or one without a callback, is silent. Formats on the stack: the message is cut at 1023 bytes
// (never inside a UTF-8 character), control characters in it become spaces, so that it is one line whatever
// names a file brought in.
void gcam_log(const GradcamLog *log, enum GradcamLogLevel level, const char *format, ...);

#endif

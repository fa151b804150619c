/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reports an error in one sentence, for the modules that take `char *error, size_t error_size`.
 */
#ifndef GCAM_BASE_FAIL_H
#define GCAM_BASE_FAIL_H

#include <stddef.h>

// Formats the sentence into error (may be NULL), cut to size bytes with its NUL and never inside a UTF-8 character.
// Returns code, so that a failing line reads `return gcam_fail(error, size, -EBADMSG, "...")`. %m in the format gives
// the system's text for `code`.
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
int gcam_fail(char *error, size_t size, int code, const char *format, ...);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * UTF-8: whether a text is that, where it may be cut, and what of it a terminal takes for a command.
 */
#ifndef GCAM_BASE_UTF8_H
#define GCAM_BASE_UTF8_H

#include <stddef.h>

// Bytes of the character at the beginning of a text that ends in NUL, 1 to 4 (1 at the NUL); 0 where there is none:
// bytes that are no UTF-8, or a character that is written longer than need be, or half of a surrogate pair.
size_t gcam_utf8_length(const char *text);

// Takes the last character off a text whose end was cut away, if the cut went through it.
void gcam_utf8_trim(char *text);

// Makes a text harmless to print, as one line: each control character (of C0 and C1, and DEL) becomes a space, each
// byte that is no UTF-8 a question mark. It does not become longer.
void gcam_utf8_disarm(char *text);

#endif

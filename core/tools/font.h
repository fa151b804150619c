/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A small typeface for captions: printable ASCII, each character in a cell of 6 x 8 dots.
 */
#ifndef GCAM_TOOLS_FONT_H
#define GCAM_TOOLS_FONT_H

#include <stddef.h>

enum { FONT_WIDTH = 6, FONT_HEIGHT = 8 };

// Draws the text into a map of FONT_HEIGHT * size rows and FONT_WIDTH * size columns for each of `most` characters: 1
// where ink is, else 0. What does not fit ends in "..."; a character of other scripts becomes '?'. Returns how many
// characters were drawn.
size_t font_draw(const char *text, int size, size_t most, float *map);

#endif

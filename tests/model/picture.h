/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Photos for tests: decoded by libavcodec, scaled as the filter scales.
 */
#ifndef TESTS_MODEL_PICTURE_H
#define TESTS_MODEL_PICTURE_H

#include <stdint.h>

// The picture in a file, stretched to width x height, 8-bit RGB, to be freed; its own size. NULL when it
// cannot be read.
uint8_t *picture_load(const char *path, int width, int height, int *own_width, int *own_height);

#endif

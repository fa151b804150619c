/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames of a stream that are pictures already: 8-bit R, G, B of the network's size, row after row. They belong to the
 * caller.
 */
#ifndef TESTS_FRAMES_H
#define TESTS_FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// load and release of GradcamStreamSettings.
static inline int frame_load(void *opaque, int job, void *frame, uint8_t *rgb, ptrdiff_t stride, int width, int height)
{
    (void)opaque, (void)job;
    for (int y = 0; y < height; y++)
        memcpy(rgb + y * stride, (uint8_t *)frame + 3 * (size_t)y * (size_t)width, 3 * (size_t)width);
    return 0;
}

static inline void frame_release(void *opaque, void *frame)
{
    (void)opaque, (void)frame;
}

#endif

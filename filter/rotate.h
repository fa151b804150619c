/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames that lie on their side: how far they are to be turned, and what turns pictures and maps.
 */
#ifndef GCAM_ROTATE_H
#define GCAM_ROTATE_H

#include <stddef.h>
#include <stdint.h>

#include <libavutil/frame.h>

// The option rotate: as the frame's display matrix says, where it has one.
#define GCAM_ROTATE_AUTO (-1)

// Quarter turns clockwise that bring the frame upright, 0..3. rotate: degrees, a multiple of 90, or GCAM_ROTATE_AUTO.
// Players and converters that have turned a frame themselves have taken the matrix away. That it is mirrored too does
// not count.
int gcam_frame_turns(const AVFrame *frame, int rotate);

// Turns a picture of width x height elements of `size` bytes clockwise by quarters. Strides in bytes; `out` has its
// width and height exchanged where turns is odd, and does not overlap.
void gcam_turn(const uint8_t *in, ptrdiff_t stride, int width, int height, size_t size, int turns, uint8_t *out,
               ptrdiff_t out_stride);

#endif

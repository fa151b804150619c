/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The rows around the inner loops of resizing, for each instruction set alike: blocks of columns, the last of which
 * overlaps the one before. The file that includes this defines ROWS8 and ROWS16, the columns of a block, and
 *
 *     void rows8_block(int16_t *out, const uint8_t *const *in, int x, const uint16_t *weight, int taps);
 *     void rows16_block(int16_t *out, const uint8_t *const *in, int x, const uint16_t *weight, int taps, int shift);
 *
 * which weigh the block from column x on. Fewer columns are left to C.
 */
#include "resize.h"

static void rows8(int16_t *out, const uint8_t *const *in, const uint16_t *weight, int taps, int count)
{
    if (count < ROWS8) {
        gcam_resize_rows8_c(out, in, weight, taps, count);
        return;
    }
    for (int x = 0; x + ROWS8 < count; x += ROWS8)
        rows8_block(out, in, x, weight, taps);
    rows8_block(out, in, count - ROWS8, weight, taps);
}

static void rows16(int16_t *out, const uint8_t *const *in, const uint16_t *weight, int taps, int count, int shift)
{
    if (count < ROWS16) {
        gcam_resize_rows16_c(out, in, weight, taps, count, shift);
        return;
    }
    for (int x = 0; x + ROWS16 < count; x += ROWS16)
        rows16_block(out, in, x, weight, taps, shift);
    rows16_block(out, in, count - ROWS16, weight, taps, shift);
}

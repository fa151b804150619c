/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The rows around the inner loops of blending, for each instruction set alike: for each distance of samples that
 * is known a loop is compiled of its own; others are left to C. The file that includes this defines TARGET and
 * INLINE, what its functions are marked with, LANES, how many samples it blends at once, and
 *
 *     Tables load_tables(const GcamBlendTable *table);
 *     void mix_bytes(const Tables *t, uint8_t *row, const int step, const uint8_t *index);
 *     void mix_words(const Tables *t, uint8_t *row, const int step, const int deep, int shift, const uint8_t *index);
 *
 * which blend LANES samples, `step` samples apart, in a stretch of LANES * step that is all theirs to read and to
 * write. `deep` chooses the weights of samples of more than GCAM_BLEND_DEPTH bits.
 */
#include <string.h>

#include "blend.h"

// bytes: of a sample.
INLINE void mix_some(const Tables *t, uint8_t *row, const int bytes, const int step, const int deep, int shift,
                     const uint8_t *index)
{
    if (bytes == 1)
        mix_bytes(t, row, step, index);
    else
        mix_words(t, row, step, deep, shift, index);
}

INLINE void mix_row(uint8_t *row, const int bytes, const int step, const int deep, int shift, const uint8_t *index,
                    int count, const GcamBlendTable *table)
{
    const Tables t = load_tables(table);
    const int last = step > 1;          // where what follows the last sample may not belong to the row
    int i = 0;

    for (; i + LANES + last <= count; i += LANES, row += LANES * step * bytes)
        mix_some(&t, row, bytes, step, deep, shift, index + i);
    if (i < count) {
        const size_t rest = ((size_t)(count - i - 1) * step + 1) * bytes;
        uint8_t copy[LANES * 4 * 2] = { 0 };
        memcpy(copy, row, rest);
        mix_some(&t, copy, bytes, step, deep, shift, index + i);
        memcpy(row, copy, rest);
    }
}

// 0: samples so far apart are left to C.
INLINE int mix_known(uint8_t *row, const int bytes, int step, const int deep, int shift, const uint8_t *index,
                     int count, const GcamBlendTable *table)
{
    switch (step) {
    case 1:  mix_row(row, bytes, 1, deep, shift, index, count, table); return 1;
    case 2:  mix_row(row, bytes, 2, deep, shift, index, count, table); return 1;
    case 3:  mix_row(row, bytes, 3, deep, shift, index, count, table); return 1;
    case 4:  mix_row(row, bytes, 4, deep, shift, index, count, table); return 1;
    default: return 0;
    }
}

TARGET static void blend_mix8(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table)
{
    if (!mix_known(row, 1, step, 0, 0, index, count, table))
        gcam_blend_mix8_c(row, step, index, count, table);
}

TARGET static void blend_mix16(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                               const GcamBlendTable *table)
{
    if (!mix_known(row, 2, step / 2, 0, shift, index, count, table))
        gcam_blend_mix16_c(row, step, shift, index, count, table);
}

TARGET static void blend_mix_deep(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                                  const GcamBlendTable *table)
{
    if (!mix_known(row, 2, step / 2, 1, shift, index, count, table))
        gcam_blend_mix_deep_c(row, step, shift, index, count, table);
}

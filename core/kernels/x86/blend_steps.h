/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Chooses among the loops of blending by the distance of samples: for each known one a loop is compiled of its
 * own. The file that includes this defines TARGET, what its functions are marked with, and the loops
 *
 *     int mix_bytes(uint8_t *row, const int step, const uint8_t *index, int count, const GcamBlendTable *table);
 *     int mix_words(uint8_t *row, const int step, const int deep, int shift, ... the same);
 *
 * which return how many of the samples they have done. step is in samples there, 1 to 4; `deep` chooses the
 * weights of samples of more than GCAM_BLEND_DEPTH bits. What is left is done in C.
 */
#include "blend.h"

TARGET static void blend_mix8(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table)
{
    int done = 0;

    switch (step) {
    case 1: done = mix_bytes(row, 1, index, count, table); break;
    case 2: done = mix_bytes(row, 2, index, count, table); break;
    case 3: done = mix_bytes(row, 3, index, count, table); break;
    case 4: done = mix_bytes(row, 4, index, count, table); break;
    }
    gcam_blend_mix8_c(row + (ptrdiff_t)done * step, step, index + done, count - done, table);
}

TARGET static void blend_mix16(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                               const GcamBlendTable *table)
{
    int done = 0;

    switch (step) {
    case 2: done = mix_words(row, 1, 0, shift, index, count, table); break;
    case 4: done = mix_words(row, 2, 0, shift, index, count, table); break;
    case 6: done = mix_words(row, 3, 0, shift, index, count, table); break;
    case 8: done = mix_words(row, 4, 0, shift, index, count, table); break;
    }
    gcam_blend_mix16_c(row + (ptrdiff_t)done * step, step, shift, index + done, count - done, table);
}

TARGET static void blend_mix_deep(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                                  const GcamBlendTable *table)
{
    int done = 0;

    switch (step) {
    case 2: done = mix_words(row, 1, 1, shift, index, count, table); break;
    case 4: done = mix_words(row, 2, 1, shift, index, count, table); break;
    case 6: done = mix_words(row, 3, 1, shift, index, count, table); break;
    case 8: done = mix_words(row, 4, 1, shift, index, count, table); break;
    }
    gcam_blend_mix_deep_c(row + (ptrdiff_t)done * step, step, shift, index + done, count - done, table);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Blending with vectors of 128 bits, for the instruction set whose samples_*.h was included before: 16 samples at once,
 * as two vectors of words. What is in bytes is widened, blended and narrowed again.
 */
#include "unroll.h"

#define TARGET
#define LANES 16

static void blend_index(uint8_t *index, const GcamRamp *ramp, int count)
{
    for (const GcamRamp *r = ramp; r < ramp + count; r++) {
        const L next = l_set1(4 * r->step);
        L a = l_set4(r->start, r->start + r->step, r->start + 2 * r->step, r->start + 3 * r->step);
        for (int i = 0; i < r->count; i += LANES) {
            const L b = l_add(a, next), c = l_add(b, next), d = l_add(c, next);
            b_store(index + r->x + i, b_tops(a, b, c, d));
            a = l_add(d, next);
        }
    }
}

// Lanes are four samples apart from one step to the next: differences are taken over that distance.
static void blend_curve(uint8_t *index, const GcamCurve *curve, int count)
{
    for (const GcamCurve *c = curve; c < curve + count; c++) {
        const uint32_t s0 = c->step[0], s1 = c->step[1], s2 = c->step[2], s3 = c->step[3], f = 4 * s1, g = 16 * s2;
        const L third = l_set1(64 * s3);
        L level = l_set4(s0, s0 + s1, s0 + 2 * s1 + s2, s0 + 3 * s1 + 3 * s2 + s3), at[4];
        L first = l_set4(f + 6 * s2 + 4 * s3, f + 10 * s2 + 10 * s3, f + 14 * s2 + 20 * s3, f + 18 * s2 + 34 * s3);
        L second = l_set4(g + 48 * s3, g + 64 * s3, g + 80 * s3, g + 96 * s3);
        for (int i = 0; i < c->count; i += LANES) {
            UNROLL
            for (int k = 0; k < 4; k++) {
                at[k] = level;
                level = l_add(level, first);
                first = l_add(first, second);
                second = l_add(second, third);
            }
            b_store(index + c->x + i, b_levels(at[0], at[1], at[2], at[3]));
        }
    }
}

// Looked up where they are.
typedef struct Tables {
    const GcamBlendTable *table;
} Tables;

INLINE Tables load_tables(const GcamBlendTable *table)
{
    return (Tables){ table };
}

INLINE void mix_bytes(const Tables *t, uint8_t *row, const int step, const uint8_t *index)
{
    Found f;
    if (!b_gathers(step) || !look_up(t->table, index, &f)) {
        gcam_blend_mix8_c(row, step, index, LANES, t->table);
        return;
    }
    const B in = b_gather(row, step);
    b_scatter(row, step, w_narrow(w_blend(w_low(in), f.color[0], f.weight[0]),
                                  w_blend(w_high(in), f.color[1], f.weight[1])));
}

INLINE void mix_words(const Tables *t, uint8_t *row, const int step, const int deep, int shift, const uint8_t *index)
{
    Found f;
    if (!look_up(t->table, index, &f)) {
        (deep ? gcam_blend_mix_deep_c : gcam_blend_mix16_c)(row, 2 * step, shift, index, LANES, t->table);
        return;
    }
    UNROLL
    for (int half = 0; half < 2; half++) {
        uint8_t *at = row + half * LANES * step;        // eight samples of two bytes further on
        const W in = w_shift_right(w_gather(at, step), shift);
        const W out = deep ? w_blend_deep(in, f.color[half], f.weight[half])
                           : w_blend(in, f.color[half], f.weight[half]);
        w_scatter(at, step, w_shift_left(out, shift));
    }
}

#include "blend_steps.h"

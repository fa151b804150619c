/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operations on samples for NEON. See samples_sse2.h for what each does.
 */
#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/unroll.h"

typedef uint8x16_t B;
typedef uint16x8_t W;
typedef uint32x4_t L;

static inline B b_load(const void *p) { return vld1q_u8(p); }
static inline void b_store(void *p, B b) { vst1q_u8(p, b); }
static inline W w_load(const void *p) { return vld1q_u16(p); }
static inline void w_store(void *p, W w) { vst1q_u16(p, w); }
static inline W w_set1(uint16_t x) { return vdupq_n_u16(x); }
static inline L l_set1(uint32_t x) { return vdupq_n_u32(x); }
static inline L l_set4(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const uint32_t all[4] = { a, b, c, d };
    return vld1q_u32(all);
}

static inline W w_add(W a, W b) { return vaddq_u16(a, b); }
static inline L l_add(L a, L b) { return vaddq_u32(a, b); }
static inline W w_shift_left(W w, int n) { return vshlq_u16(w, vdupq_n_s16((int16_t)n)); }
static inline W w_shift_right(W w, int n) { return vshlq_u16(w, vdupq_n_s16((int16_t)-n)); }
static inline L l_shift_down(L l, int n)
{
    return vreinterpretq_u32_s32(vshlq_s32(vreinterpretq_s32_u32(l), vdupq_n_s32(-n)));
}

static inline W w_low(B b) { return vmovl_u8(vget_low_u8(b)); }
static inline W w_high(B b) { return vmovl_high_u8(b); }
static inline W w_low_raised(B b) { return vshll_n_u8(vget_low_u8(b), 8); }
static inline W w_high_raised(B b) { return vshll_high_n_u8(b, 8); }

static inline W w_zip_low(W a, W b) { return vzip1q_u16(a, b); }
static inline W w_zip_high(W a, W b) { return vzip2q_u16(a, b); }
static inline W w_pairs(int16_t x, int16_t y)
{
    return vreinterpretq_u16_u32(vdupq_n_u32((uint16_t)x | (uint32_t)(uint16_t)y << 16));
}

static inline B w_narrow(W low, W high)
{
    return vqmovun_high_s16(vqmovun_s16(vreinterpretq_s16_u16(low)), vreinterpretq_s16_u16(high));
}

static inline W l_narrow(L low, L high)
{
    return vreinterpretq_u16_s16(vqmovn_high_s32(vqmovn_s32(vreinterpretq_s32_u32(low)), vreinterpretq_s32_u32(high)));
}

static inline W w_high_product(W a, W b)
{
    const L low = vmull_u16(vget_low_u16(a), vget_low_u16(b)), high = vmull_high_u16(a, b);
    return vuzp2q_u16(vreinterpretq_u16_u32(low), vreinterpretq_u16_u32(high));
}

static inline L l_pair_sums(W a, W b)
{
    const int16x8_t x = vreinterpretq_s16_u16(a), y = vreinterpretq_s16_u16(b);
    return vreinterpretq_u32_s32(vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y)));
}

static inline L l_totals(L a, L b, L c, L d) { return vpaddq_u32(vpaddq_u32(a, b), vpaddq_u32(c, d)); }

static inline B b_tops(L a, L b, L c, L d)
{
    const W ab = vuzp2q_u16(vreinterpretq_u16_u32(a), vreinterpretq_u16_u32(b));
    const W cd = vuzp2q_u16(vreinterpretq_u16_u32(c), vreinterpretq_u16_u32(d));
    return vuzp2q_u8(vreinterpretq_u8_u16(ab), vreinterpretq_u8_u16(cd));
}

// Those of signed numbers with GCAM_CURVE_BITS of fraction, brought into 0..255.
static inline int16x4_t l_level(L a)
{
    return vqmovn_s32(vshrq_n_s32(vreinterpretq_s32_u32(a), GCAM_CURVE_BITS));
}

static inline B b_levels(L a, L b, L c, L d)
{
    return vcombine_u8(vqmovun_s16(vcombine_s16(l_level(a), l_level(b))),
                       vqmovun_s16(vcombine_s16(l_level(c), l_level(d))));
}

static inline W w_blend(W in, W color, W weight)
{
    const int16x8_t difference = vreinterpretq_s16_u16(vsubq_u16(color, in));
    return vaddq_u16(in, vreinterpretq_u16_s16(vqrdmulhq_s16(difference, vreinterpretq_s16_u16(weight))));
}

static inline L divide(L sum)
{
    sum = vaddq_u32(sum, vdupq_n_u32(32768));
    return vaddq_u32(sum, vshrq_n_u32(sum, 16));        // of which the upper half counts
}

static inline W w_blend_deep(W in, W color, W weight)
{
    const W rest = vmvnq_u16(weight);
    const L low = vmlal_u16(vmull_u16(vget_low_u16(in), vget_low_u16(rest)), vget_low_u16(color), vget_low_u16(weight));
    const L high = vmlal_high_u16(vmull_high_u16(in, rest), color, weight);
    return vuzp2q_u16(vreinterpretq_u16_u32(divide(low)), vreinterpretq_u16_u32(divide(high)));
}

typedef struct Found {
    W color[2], weight[2];
} Found;

// 16 bytes of a table from those that begin at `low` and `high`.
static inline void look_up_words(const uint8_t *low, const uint8_t *high, B distance, W out[2])
{
    const B lower = vqtbl2q_u8((uint8x16x2_t){ { vld1q_u8(low), vld1q_u8(low + 16) } }, distance);
    const B upper = vqtbl2q_u8((uint8x16x2_t){ { vld1q_u8(high), vld1q_u8(high + 16) } }, distance);
    out[0] = vreinterpretq_u16_u8(vzip1q_u8(lower, upper));
    out[1] = vreinterpretq_u16_u8(vzip2q_u8(lower, upper));
}

// An enlarged map changes slowly along a row: mostly all levels are within a window of the table, which fits two
// registers. 0 where they are not.
INLINE int look_up(const GcamBlendTable *table, const uint8_t *index, Found *found)
{
    const B levels = vld1q_u8(index);
    const uint8_t least = vminvq_u8(levels);
    const B distance = vsubq_u8(levels, vdupq_n_u8(least));
    if (vmaxvq_u8(distance) >= GCAM_BLEND_WINDOW)
        return 0;
    look_up_words(table->weight_low + least, table->weight_high + least, distance, found->weight);
    look_up_words(table->color_low + least, table->color_high + least, distance, found->color);
    return 1;
}

static inline int b_gathers(const int step) { return step > 0; }

INLINE B b_gather(const uint8_t *row, const int step)
{
    switch (step) {
    case 2:  return vld2q_u8(row).val[0];
    case 3:  return vld3q_u8(row).val[0];
    case 4:  return vld4q_u8(row).val[0];
    default: return vld1q_u8(row);
    }
}

INLINE void b_scatter(uint8_t *row, const int step, B out)
{
    if (step == 1) {
        vst1q_u8(row, out);
    } else if (step == 2) {
        uint8x16x2_t v = vld2q_u8(row);
        v.val[0] = out;
        vst2q_u8(row, v);
    } else if (step == 3) {
        uint8x16x3_t v = vld3q_u8(row);
        v.val[0] = out;
        vst3q_u8(row, v);
    } else {
        uint8x16x4_t v = vld4q_u8(row);
        v.val[0] = out;
        vst4q_u8(row, v);
    }
}

INLINE W w_gather(const uint8_t *row, const int step)
{
    const uint16_t *in = (const uint16_t *)row;
    switch (step) {
    case 2:  return vld2q_u16(in).val[0];
    case 3:  return vld3q_u16(in).val[0];
    case 4:  return vld4q_u16(in).val[0];
    default: return vld1q_u16(in);
    }
}

INLINE void w_scatter(uint8_t *row, const int step, W out)
{
    uint16_t *at = (uint16_t *)row;
    if (step == 1) {
        vst1q_u16(at, out);
    } else if (step == 2) {
        uint16x8x2_t v = vld2q_u16(at);
        v.val[0] = out;
        vst2q_u16(at, v);
    } else if (step == 3) {
        uint16x8x3_t v = vld3q_u16(at);
        v.val[0] = out;
        vst3q_u16(at, v);
    } else {
        uint16x8x4_t v = vld4q_u16(at);
        v.val[0] = out;
        vst4q_u16(at, v);
    }
}

static inline void b_store3(uint8_t *out, const B in[3])
{
    vst3q_u8(out, (uint8x16x3_t){ { in[0], in[1], in[2] } });
}

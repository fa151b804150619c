/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loops of blending for AVX-512 with VBMI, whose byte permutations look up 64 levels in a table of 256
 * at once.
 */
#include <immintrin.h>

#include "kernels/kernels.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define LANES 64

#define LIST8(f, n, i)  f(n, (i)), f(n, (i) + 1), f(n, (i) + 2), f(n, (i) + 3), \
                        f(n, (i) + 4), f(n, (i) + 5), f(n, (i) + 6), f(n, (i) + 7)
#define LIST32(f, n, i) { LIST8(f, n, i), LIST8(f, n, (i) + 8), LIST8(f, n, (i) + 16), LIST8(f, n, (i) + 24) }
#define LIST64(f, n, i) { LIST8(f, n, i), LIST8(f, n, (i) + 8), LIST8(f, n, (i) + 16), LIST8(f, n, (i) + 24), \
                          LIST8(f, n, (i) + 32), LIST8(f, n, (i) + 40), LIST8(f, n, (i) + 48), \
                          LIST8(f, n, (i) + 56) }

// What gathers samples out of a row of interleaved ones, and what puts them back, as tables of lanes.
//
// Where sample i is found in a row of samples n apart: in the first pair of vectors, or the second.
#define EVERY8(n, i)    ((n) * (i)) & 127
#define EVERY16(n, i)   ((n) * (i)) & 63
// Which sample element i of a row belongs to, if it does.
#define OWNER(n, i)     (i) / (n)
// Top bytes of 32-bit words, of which two vectors are joined.
#define TOP(n, i)       ((n) * (i) + 3) & 127

static const uint8_t top[64] = LIST64(TOP, 4, 0);

static const uint8_t every8[5][64] = {
    [2] = LIST64(EVERY8, 2, 0), [3] = LIST64(EVERY8, 3, 0), [4] = LIST64(EVERY8, 4, 0),
};
static const uint8_t owner8[5][4][64] = {
    [2] = { LIST64(OWNER, 2, 0), LIST64(OWNER, 2, 64) },
    [3] = { LIST64(OWNER, 3, 0), LIST64(OWNER, 3, 64), LIST64(OWNER, 3, 128) },
    [4] = { LIST64(OWNER, 4, 0), LIST64(OWNER, 4, 64), LIST64(OWNER, 4, 128), LIST64(OWNER, 4, 192) },
};
static const uint16_t every16[5][32] = {
    [2] = LIST32(EVERY16, 2, 0), [3] = LIST32(EVERY16, 3, 0), [4] = LIST32(EVERY16, 4, 0),
};
static const uint16_t owner16[5][4][32] = {
    [2] = { LIST32(OWNER, 2, 0), LIST32(OWNER, 2, 32) },
    [3] = { LIST32(OWNER, 3, 0), LIST32(OWNER, 3, 32), LIST32(OWNER, 3, 64) },
    [4] = { LIST32(OWNER, 4, 0), LIST32(OWNER, 4, 32), LIST32(OWNER, 4, 64), LIST32(OWNER, 4, 96) },
};
// Which elements of each vector of a row belong to a sample at all; of 32 the lower half holds.
static const uint64_t owned8[5][4] = {
    [2] = { 0x5555555555555555, 0x5555555555555555 },
    [3] = { 0x9249249249249249, 0x4924924924924924, 0x2492492492492492 },
    [4] = { 0x1111111111111111, 0x1111111111111111, 0x1111111111111111, 0x1111111111111111 },
};
static const uint32_t owned16[5][4] = {
    [2] = { 0x55555555, 0x55555555 },
    [3] = { 0x49249249, 0x92492492, 0x24924924 },
    [4] = { 0x11111111, 0x11111111, 0x11111111, 0x11111111 },
};

// A table of 256 bytes in four registers.
typedef struct Bytes256 {
    __m512i part[4];
} Bytes256;

typedef struct Tables {
    Bytes256 weight_low, weight_high, color_low, color_high;
} Tables;

INLINE Bytes256 load_bytes(const uint8_t *table)
{
    return (Bytes256) { { _mm512_loadu_si512(table), _mm512_loadu_si512(table + 64),
                          _mm512_loadu_si512(table + 128), _mm512_loadu_si512(table + 192) } };
}

INLINE Tables load_tables(const GcamBlendTable *table)
{
    return (Tables) { load_bytes(table->weight_low), load_bytes(table->weight_high),
                      load_bytes(table->color_low), load_bytes(table->color_high) };
}

// Seven bits of an index choose among two registers; its eighth among the halves of the table.
INLINE __m512i look_up(const Bytes256 *t, __m512i index)
{
    const __m512i low = _mm512_permutex2var_epi8(t->part[0], index, t->part[1]);
    const __m512i high = _mm512_permutex2var_epi8(t->part[2], index, t->part[3]);

    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), low, high);
}

TARGET static void blend_index(uint8_t *index, const GcamRamp *ramp, int count)
{
    const __m512i pattern = _mm512_loadu_si512(top);
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    for (const GcamRamp *r = ramp; r < ramp + count; r++) {
        const __m512i step = _mm512_set1_epi32((int)r->step), next = _mm512_slli_epi32(step, 4);
        __m512i a = _mm512_add_epi32(_mm512_set1_epi32((int)r->start), _mm512_mullo_epi32(lanes, step));
        for (int i = 0; i < r->count; i += 32) {
            const __m512i b = _mm512_add_epi32(a, next);
            const __m512i ab = _mm512_permutex2var_epi8(a, pattern, b);
            _mm256_storeu_si256((__m256i *)(index + r->x + i), _mm512_castsi512_si256(ab));
            a = _mm512_add_epi32(b, next);
        }
    }
}

// What lane i of 16 has of a step: of the second i(i-1)/2, of the third i(i-1)(i-2)/6.
#define SECOND(i)       ((i) * ((i) - 1) / 2)
#define THIRD(i)        ((i) * ((i) - 1) * ((i) - 2) / 6)
// The first and the second difference of these over 16 samples.
#define SECOND1(n, i)   SECOND((i) + 16) - SECOND(i)
#define THIRD1(n, i)    THIRD((i) + 16) - THIRD(i)
#define THIRD2(n, i)    THIRD((i) + 32) - 2 * THIRD((i) + 16) + THIRD(i)
#define SECOND0(n, i)   SECOND(i)
#define THIRD0(n, i)    THIRD(i)
#define LIST16(f)       { LIST8(f, 0, 0), LIST8(f, 0, 8) }

static const int32_t curve_lanes[5][16] = {
    LIST16(SECOND0), LIST16(THIRD0), LIST16(SECOND1), LIST16(THIRD1), LIST16(THIRD2),
};

INLINE __m512i weigh(__m512i a, int p, __m512i b, int q)
{
    return _mm512_add_epi32(_mm512_mullo_epi32(a, _mm512_loadu_si512(curve_lanes[p])),
                            _mm512_mullo_epi32(b, _mm512_loadu_si512(curve_lanes[q])));
}

// As in blend_avx2.c, lanes 16 samples apart.
TARGET static void blend_curve(uint8_t *index, const GcamCurve *curve, int count)
{
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i none = _mm512_setzero_si512();

    for (const GcamCurve *c = curve; c < curve + count; c++) {
        const __m512i s1 = _mm512_set1_epi32((int)c->step[1]), s2 = _mm512_set1_epi32((int)c->step[2]);
        const __m512i s3 = _mm512_set1_epi32((int)c->step[3]), third = _mm512_slli_epi32(s3, 12);
        __m512i level = _mm512_add_epi32(_mm512_add_epi32(_mm512_set1_epi32((int)c->step[0]),
                                                          _mm512_mullo_epi32(s1, lanes)), weigh(s2, 0, s3, 1));
        __m512i first = _mm512_add_epi32(_mm512_slli_epi32(s1, 4), weigh(s2, 2, s3, 3));
        __m512i second = _mm512_add_epi32(_mm512_slli_epi32(s2, 8),
                                          _mm512_mullo_epi32(s3, _mm512_loadu_si512(curve_lanes[4])));
        for (int i = 0; i < c->count; i += 16) {
            const __m512i whole = _mm512_max_epi32(_mm512_srai_epi32(level, GCAM_CURVE_BITS), none);
            _mm_storeu_si128((__m128i *)(index + c->x + i), _mm512_cvtusepi32_epi8(whole));
            level = _mm512_add_epi32(level, first);
            first = _mm512_add_epi32(first, second);
            second = _mm512_add_epi32(second, third);
        }
    }
}

// in + weight * (color - in) of samples of up to GCAM_BLEND_DEPTH bits.
INLINE __m512i blend_words(__m512i in, __m512i color, __m512i weight)
{
    return _mm512_add_epi16(in, _mm512_mulhrs_epi16(_mm512_sub_epi16(color, in), weight));
}

// The sum for samples of more bits, divided by 65535.
INLINE __m512i divide(__m512i sum)
{
    sum = _mm512_add_epi32(sum, _mm512_set1_epi32(32768));
    return _mm512_srli_epi32(_mm512_add_epi32(sum, _mm512_srli_epi32(sum, 16)), 16);
}

// in * (65535 - weight) + color * weight, by halves of the products.
INLINE __m512i blend_deep(__m512i in, __m512i color, __m512i weight)
{
    const __m512i rest = _mm512_xor_si512(weight, _mm512_set1_epi32(-1));
    const __m512i al = _mm512_mullo_epi16(in, rest), ah = _mm512_mulhi_epu16(in, rest);
    const __m512i bl = _mm512_mullo_epi16(color, weight), bh = _mm512_mulhi_epu16(color, weight);
    const __m512i low = _mm512_add_epi32(_mm512_unpacklo_epi16(al, ah), _mm512_unpacklo_epi16(bl, bh));
    const __m512i high = _mm512_add_epi32(_mm512_unpackhi_epi16(al, ah), _mm512_unpackhi_epi16(bl, bh));

    return _mm512_packus_epi32(divide(low), divide(high));
}

// ---------------------------------------------------------------------------------------------------- 8 bits

INLINE __m512i blend_bytes(const Tables *t, __m512i in, __m512i index)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m512i low = look_up(&t->weight_low, index), high = look_up(&t->weight_high, index);
    const __m512i color = look_up(&t->color_low, index);
    const __m512i a = blend_words(_mm512_unpacklo_epi8(in, zero), _mm512_unpacklo_epi8(color, zero),
                                  _mm512_unpacklo_epi8(low, high));
    const __m512i b = blend_words(_mm512_unpackhi_epi8(in, zero), _mm512_unpackhi_epi8(color, zero),
                                  _mm512_unpackhi_epi8(low, high));

    return _mm512_packus_epi16(a, b);
}

// The component's bytes are gathered from `step` vectors, blended, and put back among the others.
INLINE void mix_bytes(const Tables *t, uint8_t *row, const int step, const uint8_t *index)
{
    const __m512i every = _mm512_loadu_si512(every8[step]), at = _mm512_loadu_si512(index);
    const __mmask64 second = ~(uint64_t)0 << (step == 3 ? 43 : 32);     // samples from byte 128 on
    __m512i v[4], in;

    if (step == 1) {
        _mm512_storeu_si512(row, blend_bytes(t, _mm512_loadu_si512(row), at));
        return;
    }
    for (int k = 0; k < step; k++)
        v[k] = _mm512_loadu_si512(row + 64 * k);
    in = _mm512_permutex2var_epi8(v[0], every, v[1]);
    if (step > 2)
        in = _mm512_mask_blend_epi8(second, in, _mm512_permutex2var_epi8(v[2], every, v[step - 1]));
    const __m512i out = blend_bytes(t, in, at);
    for (int k = 0; k < step; k++) {
        const __m512i owner = _mm512_loadu_si512(owner8[step][k]);
        _mm512_storeu_si512(row + 64 * k, _mm512_mask_permutexvar_epi8(v[k], owned8[step][k], owner, out));
    }
}

// --------------------------------------------------------------------------------------------------- 16 bits

// 32 samples, `step` words apart.
INLINE __m512i gather(const uint8_t *row, const int step)
{
    const __m512i every = _mm512_loadu_si512(every16[step]);
    const __mmask32 second = ~(uint32_t)0 << (step == 3 ? 22 : 16);     // samples from word 64 on

    if (step == 1)
        return _mm512_loadu_si512(row);
    const __m512i in = _mm512_permutex2var_epi16(_mm512_loadu_si512(row), every, _mm512_loadu_si512(row + 64));
    if (step == 2)
        return in;
    return _mm512_mask_blend_epi16(second, in,
                                   _mm512_permutex2var_epi16(_mm512_loadu_si512(row + 128), every,
                                                             _mm512_loadu_si512(row + 64 * (step - 1))));
}

INLINE void scatter(uint8_t *row, const int step, __m512i out)
{
    if (step == 1)
        _mm512_storeu_si512(row, out);
    for (int k = 0; k < step && step > 1; k++) {
        const __m512i owner = _mm512_loadu_si512(owner16[step][k]), v = _mm512_loadu_si512(row + 64 * k);
        _mm512_storeu_si512(row + 64 * k, _mm512_mask_permutexvar_epi16(v, owned16[step][k], owner, out));
    }
}

INLINE void mix_words(const Tables *t, uint8_t *row, const int step, const int deep, int shift, const uint8_t *index)
{
    // Eighths of the index such that unpacking, which works within 128 bits, gives samples in their order.
    const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    const __m128i bits = _mm_cvtsi32_si128(shift);
    const __m512i at = _mm512_permutexvar_epi64(order, _mm512_loadu_si512(index));
    const __m512i wl = look_up(&t->weight_low, at), wh = look_up(&t->weight_high, at);
    const __m512i cl = look_up(&t->color_low, at), ch = look_up(&t->color_high, at);

    for (int half = 0; half < 2; half++) {
        uint8_t *samples = row + 64 * step * half;
        const __m512i in = _mm512_srl_epi16(gather(samples, step), bits);
        const __m512i color = half ? _mm512_unpackhi_epi8(cl, ch) : _mm512_unpacklo_epi8(cl, ch);
        const __m512i weight = half ? _mm512_unpackhi_epi8(wl, wh) : _mm512_unpacklo_epi8(wl, wh);
        const __m512i out = deep ? blend_deep(in, color, weight) : blend_words(in, color, weight);
        scatter(samples, step, _mm512_sll_epi16(out, bits));
    }
}

#include "kernels/blend_steps.h"

// The level promises no VBMI.
void gcam_blend_init_avx512(GcamKernels *kernels)
{
    if (__builtin_cpu_supports("avx512vbmi"))
        kernels->blend = (GcamBlendKernels){ blend_index, blend_curve, blend_mix8, blend_mix16, blend_mix_deep };
}

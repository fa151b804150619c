/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loops of blending for AVX-512 with VBMI, whose byte permutations look up 64 levels in a table of 256
 * at once.
 */
#include <immintrin.h>

#include "blend.h"

#define VBMI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi")))

#define LIST8(f, i) f((i)), f((i) + 1), f((i) + 2), f((i) + 3), f((i) + 4), f((i) + 5), f((i) + 6), f((i) + 7)
#define LIST64(f, i) { LIST8(f, (i)), LIST8(f, (i) + 8), LIST8(f, (i) + 16), LIST8(f, (i) + 24), \
                       LIST8(f, (i) + 32), LIST8(f, (i) + 40), LIST8(f, (i) + 48), LIST8(f, (i) + 56) }

// Top bytes of 32-bit words, of which two vectors are joined.
#define TOP(i)      (4 * (i) + 3) & 127
// Where sample i of 64 is found, `n` bytes apart, in a pair of vectors (or the second pair).
#define EVERY2(i)   (2 * (i)) & 127
#define EVERY3(i)   (3 * (i)) & 127
#define EVERY4(i)   (4 * (i)) & 127
// Which sample byte i of an interleaved row belongs to.
#define HALF(i)     (i) / 2
#define THIRD(i)    (i) / 3
#define FOURTH(i)   (i) / 4

static const uint8_t top[64] = LIST64(TOP, 0);
static const uint8_t every[5][64] = {
    [2] = LIST64(EVERY2, 0), [3] = LIST64(EVERY3, 0), [4] = LIST64(EVERY4, 0),
};
static const uint8_t owner[5][4][64] = {
    [2] = { LIST64(HALF, 0), LIST64(HALF, 64) },
    [3] = { LIST64(THIRD, 0), LIST64(THIRD, 64), LIST64(THIRD, 128) },
    [4] = { LIST64(FOURTH, 0), LIST64(FOURTH, 64), LIST64(FOURTH, 128), LIST64(FOURTH, 192) },
};
// Which bytes of an interleaved row belong to the component at all.
static const uint64_t owned[5][4] = {
    [2] = { 0x5555555555555555, 0x5555555555555555 },
    [3] = { 0x9249249249249249, 0x4924924924924924, 0x2492492492492492 },
    [4] = { 0x1111111111111111, 0x1111111111111111, 0x1111111111111111, 0x1111111111111111 },
};

typedef struct Bytes256 {
    __m512i part[4];
} Bytes256;

VBMI static inline Bytes256 load_table(const uint8_t *table)
{
    return (Bytes256) { { _mm512_loadu_si512(table), _mm512_loadu_si512(table + 64),
                          _mm512_loadu_si512(table + 128), _mm512_loadu_si512(table + 192) } };
}

VBMI static inline __m512i look_up(const Bytes256 *t, __m512i index)
{
    const __m512i low = _mm512_permutex2var_epi8(t->part[0], index, t->part[1]);
    const __m512i high = _mm512_permutex2var_epi8(t->part[2], index, t->part[3]);

    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), low, high);
}

VBMI static inline __m512i mix_words(__m512i in, __m512i color, __m512i weight)
{
    return _mm512_add_epi16(in, _mm512_mulhrs_epi16(_mm512_sub_epi16(color, in), weight));
}

VBMI static void blend_index(uint8_t *index, const GcamSegment *segment, int count, double fraction)
{
    const __m512i pattern = _mm512_loadu_si512(top);
    const __m512i ramp = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    for (const GcamSegment *s = segment; s < segment + count; s++) {
        const __m512i step = _mm512_set1_epi32((int)gcam_segment_step(s, fraction));
        const __m512i next = _mm512_slli_epi32(step, 4);
        __m512i a = _mm512_set1_epi32((int)gcam_segment_start(s, fraction));
        a = _mm512_add_epi32(a, _mm512_mullo_epi32(ramp, step));
        for (int i = 0; i < s->count; i += 64) {
            const __m512i b = _mm512_add_epi32(a, next), c = _mm512_add_epi32(b, next);
            const __m512i d = _mm512_add_epi32(c, next);
            const __m512i ab = _mm512_permutex2var_epi8(a, pattern, b);
            const __m512i cd = _mm512_permutex2var_epi8(c, pattern, d);
            _mm512_storeu_si512(index + s->x + i, _mm512_inserti64x4(ab, _mm512_castsi512_si256(cd), 1));
            a = _mm512_add_epi32(d, next);
        }
    }
}

// The tables that samples of 8 bits need.
typedef struct Tables8 {
    Bytes256 weight_low, weight_high, color;
} Tables8;

VBMI static inline Tables8 load_tables8(const GcamBlendTable *table)
{
    return (Tables8){ load_table(table->weight_low), load_table(table->weight_high),
                      load_table(table->color_low) };
}

VBMI static inline __m512i mix_bytes(const Tables8 *t, __m512i in, __m512i index)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m512i low = look_up(&t->weight_low, index), high = look_up(&t->weight_high, index);
    const __m512i color = look_up(&t->color, index);
    const __m512i a = mix_words(_mm512_unpacklo_epi8(in, zero), _mm512_unpacklo_epi8(color, zero),
                                _mm512_unpacklo_epi8(low, high));
    const __m512i b = mix_words(_mm512_unpackhi_epi8(in, zero), _mm512_unpackhi_epi8(color, zero),
                                _mm512_unpackhi_epi8(low, high));

    return _mm512_packus_epi16(a, b);
}

VBMI static void mix8_planar(uint8_t *row, const uint8_t *index, int count, const GcamBlendTable *table)
{
    const Tables8 t = load_tables8(table);
    int i = 0;

    for (; i + 64 <= count; i += 64) {
        const __m512i in = _mm512_loadu_si512(row + i);
        _mm512_storeu_si512(row + i, mix_bytes(&t, in, _mm512_loadu_si512(index + i)));
    }
    if (i < count) {
        const __mmask64 rest = ~(uint64_t)0 >> (64 - (count - i));
        const __m512i in = _mm512_maskz_loadu_epi8(rest, row + i);
        _mm512_mask_storeu_epi8(row + i, rest, mix_bytes(&t, in, _mm512_maskz_loadu_epi8(rest, index + i)));
    }
}

// The component's bytes are gathered from `step` vectors, blended, and put back among the others.
VBMI static inline void mix8_packed(uint8_t *row, const int step, const uint8_t *index, int count,
                                    const GcamBlendTable *table)
{
    const Tables8 t = load_tables8(table);
    const __m512i pattern = _mm512_loadu_si512(every[step]);
    const __mmask64 second = step == 3 ? ~(uint64_t)0 << 43 : ~(uint64_t)0 << 32;  // samples from byte 128 on
    int i = 0;

    // The last sample is left to the C version: the bytes after it may not belong to the row.
    for (; i + 64 < count; i += 64, row += 64 * step) {
        __m512i v[4], in;
        for (int k = 0; k < step; k++)
            v[k] = _mm512_loadu_si512(row + 64 * k);
        in = _mm512_permutex2var_epi8(v[0], pattern, v[1]);
        if (step > 2)
            in = _mm512_mask_blend_epi8(second, in,
                                        _mm512_permutex2var_epi8(v[2], pattern, v[step > 3 ? 3 : 2]));
        const __m512i out = mix_bytes(&t, in, _mm512_loadu_si512(index + i));
        for (int k = 0; k < step; k++) {
            const __m512i sample = _mm512_loadu_si512(owner[step][k]);
            _mm512_storeu_si512(row + 64 * k,
                                _mm512_mask_permutexvar_epi8(v[k], owned[step][k], sample, out));
        }
    }
    gcam_blend_mix8_c(row, step, index + i, count - i, table);
}

static void blend_mix8(uint8_t *row, int step, const uint8_t *index, int count, const GcamBlendTable *table)
{
    switch (step) {
    case 1:  mix8_planar(row, index, count, table); break;
    case 2:  mix8_packed(row, 2, index, count, table); break;
    case 3:  mix8_packed(row, 3, index, count, table); break;
    case 4:  mix8_packed(row, 4, index, count, table); break;
    default: gcam_blend_mix8_c(row, step, index, count, table);
    }
}

// The tables that samples of 9 to 14 bits need.
typedef struct Tables16 {
    Bytes256 weight_low, weight_high, color_low, color_high;
} Tables16;

// 64 samples in two vectors.
typedef struct Words64 {
    __m512i a, b;
} Words64;

VBMI static inline Words64 mix_words64(const Tables16 *t, Words64 in, __m128i shift, __m512i index)
{
    // Eighths of the index such that unpacking, which works within 128 bits, gives samples in their order.
    const __m512i at = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), index);
    const __m512i wl = look_up(&t->weight_low, at), wh = look_up(&t->weight_high, at);
    const __m512i cl = look_up(&t->color_low, at), ch = look_up(&t->color_high, at);
    const __m512i a = mix_words(_mm512_srl_epi16(in.a, shift), _mm512_unpacklo_epi8(cl, ch),
                                _mm512_unpacklo_epi8(wl, wh));
    const __m512i b = mix_words(_mm512_srl_epi16(in.b, shift), _mm512_unpackhi_epi8(cl, ch),
                                _mm512_unpackhi_epi8(wl, wh));

    return (Words64) { _mm512_sll_epi16(a, shift), _mm512_sll_epi16(b, shift) };
}

#define EVEN(i)     2 * (i)
#define PAIR(i)     (i) / 2
#define LIST32(f)   { LIST8(f, 0), LIST8(f, 8), LIST8(f, 16), LIST8(f, 24) }
#define LIST32B(f)  { LIST8(f, 32), LIST8(f, 40), LIST8(f, 48), LIST8(f, 56) }

// Every second word of two vectors, and which of 32 words belongs there.
static const uint16_t even[32] = LIST32(EVEN);
static const uint16_t pair[2][32] = { LIST32(PAIR), LIST32B(PAIR) };

// Samples with others between them, as the chroma of p010. Returns how many were done, not the last: the
// bytes after it may not belong to the row.
VBMI static int mix16_pairs(uint8_t *row, __m128i shift, const uint8_t *index, int count, const Tables16 *t)
{
    const __m512i gather = _mm512_loadu_si512(even);
    const __m512i first = _mm512_loadu_si512(pair[0]), second = _mm512_loadu_si512(pair[1]);
    const __mmask32 ours = 0x55555555;
    int i = 0;

    for (; i + 64 < count; i += 64, row += 256) {
        const __m512i v0 = _mm512_loadu_si512(row), v1 = _mm512_loadu_si512(row + 64);
        const __m512i v2 = _mm512_loadu_si512(row + 128), v3 = _mm512_loadu_si512(row + 192);
        const Words64 in = { _mm512_permutex2var_epi16(v0, gather, v1),
                             _mm512_permutex2var_epi16(v2, gather, v3) };
        const Words64 out = mix_words64(t, in, shift, _mm512_loadu_si512(index + i));
        _mm512_storeu_si512(row, _mm512_mask_permutexvar_epi16(v0, ours, first, out.a));
        _mm512_storeu_si512(row + 64, _mm512_mask_permutexvar_epi16(v1, ours, second, out.a));
        _mm512_storeu_si512(row + 128, _mm512_mask_permutexvar_epi16(v2, ours, first, out.b));
        _mm512_storeu_si512(row + 192, _mm512_mask_permutexvar_epi16(v3, ours, second, out.b));
    }
    return i;
}

VBMI static void blend_mix16(uint8_t *row, int step, int shift, const uint8_t *index, int count,
                             const GcamBlendTable *table)
{
    const Tables16 t = { load_table(table->weight_low), load_table(table->weight_high),
                         load_table(table->color_low), load_table(table->color_high) };
    const __m128i bits = _mm_cvtsi32_si128(shift);
    int i = 0;

    for (; step == 2 && i + 64 <= count; i += 64) {
        uint8_t *at = row + 2 * i;
        const Words64 in = { _mm512_loadu_si512(at), _mm512_loadu_si512(at + 64) };
        const Words64 out = mix_words64(&t, in, bits, _mm512_loadu_si512(index + i));
        _mm512_storeu_si512(at, out.a);
        _mm512_storeu_si512(at + 64, out.b);
    }
    if (step == 4)
        i = mix16_pairs(row, bits, index, count, &t);
    gcam_blend_mix16_c(row + (ptrdiff_t)i * step, step, shift, index + i, count - i, table);
}

const GcamBlendKernels gcam_blend_kernels_avx512 = { blend_index, blend_mix8, blend_mix16 };

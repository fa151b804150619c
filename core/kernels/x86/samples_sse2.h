/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operations on samples for SSE2: vectors of 16 bytes (B), of 8 words (W, with a sign or without) and of 4 numbers of
 * 32 bits (L). blend_body.h and resize_body.h are made of these; each samples_*.h defines the same names. Addresses
 * need no alignment.
 */
#include <emmintrin.h>
#include <stdint.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/unroll.h"

typedef __m128i B, W, L;

static inline B b_load(const void *p) { return _mm_loadu_si128(p); }
static inline void b_store(void *p, B b) { _mm_storeu_si128(p, b); }
static inline W w_load(const void *p) { return _mm_loadu_si128(p); }
static inline void w_store(void *p, W w) { _mm_storeu_si128(p, w); }
static inline W w_set1(uint16_t x) { return _mm_set1_epi16((short)x); }
static inline L l_set1(uint32_t x) { return _mm_set1_epi32((int)x); }
static inline L l_set4(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return _mm_setr_epi32((int)a, (int)b, (int)c, (int)d);
}

static inline W w_add(W a, W b) { return _mm_add_epi16(a, b); }
static inline L l_add(L a, L b) { return _mm_add_epi32(a, b); }
static inline W w_shift_left(W w, int n) { return _mm_sll_epi16(w, _mm_cvtsi32_si128(n)); }
static inline W w_shift_right(W w, int n) { return _mm_srl_epi16(w, _mm_cvtsi32_si128(n)); }
static inline L l_shift_down(L l, int n) { return _mm_srai_epi32(l, n); }      // with its sign

// The first and the last eight bytes as words: as they are, and as the upper byte of each.
static inline W w_low(B b) { return _mm_unpacklo_epi8(b, _mm_setzero_si128()); }
static inline W w_high(B b) { return _mm_unpackhi_epi8(b, _mm_setzero_si128()); }
static inline W w_low_raised(B b) { return _mm_unpacklo_epi8(_mm_setzero_si128(), b); }
static inline W w_high_raised(B b) { return _mm_unpackhi_epi8(_mm_setzero_si128(), b); }

// Elements of both in turn; x, y, x, y and so on.
static inline W w_zip_low(W a, W b) { return _mm_unpacklo_epi16(a, b); }
static inline W w_zip_high(W a, W b) { return _mm_unpackhi_epi16(a, b); }
static inline W w_pairs(int16_t x, int16_t y)
{
    return _mm_set1_epi32((int)((uint16_t)x | (uint32_t)(uint16_t)y << 16));
}

// Limited to what fits: of words 0..255, of numbers with a sign -32768..32767.
static inline B w_narrow(W low, W high) { return _mm_packus_epi16(low, high); }
static inline W l_narrow(L low, L high) { return _mm_packs_epi32(low, high); }

// The upper halves of products without a sign.
static inline W w_high_product(W a, W b) { return _mm_mulhi_epu16(a, b); }

// Four sums of two products each, with a sign, of neighbours. l_totals: four sums of all elements.
static inline L l_pair_sums(W a, W b) { return _mm_madd_epi16(a, b); }
static inline L l_totals(L a, L b, L c, L d)
{
    const L ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
    const L cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
    return _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));
}

// The lower halves of 32 bits, whatever they are.
static inline W l_lower(L low, L high)
{
    return _mm_packs_epi32(_mm_srai_epi32(_mm_slli_epi32(low, 16), 16), _mm_srai_epi32(_mm_slli_epi32(high, 16), 16));
}

// The uppermost bytes of 32 bits.
static inline B b_tops(L a, L b, L c, L d)
{
    return _mm_packus_epi16(_mm_packs_epi32(_mm_srli_epi32(a, 24), _mm_srli_epi32(b, 24)),
                            _mm_packs_epi32(_mm_srli_epi32(c, 24), _mm_srli_epi32(d, 24)));
}

// Those of signed numbers with GCAM_CURVE_BITS of fraction, brought into 0..255.
static inline B b_levels(L a, L b, L c, L d)
{
    enum { BITS = GCAM_CURVE_BITS };
    return _mm_packus_epi16(_mm_packs_epi32(_mm_srai_epi32(a, BITS), _mm_srai_epi32(b, BITS)),
                            _mm_packs_epi32(_mm_srai_epi32(c, BITS), _mm_srai_epi32(d, BITS)));
}

// in + (weight * (color - in) + 2^14 >> 15) of samples of up to GCAM_BLEND_DEPTH bits. Of the lower half of a product
// the upper bit and what the next one rounds to count.
static inline W w_blend(W in, W color, W weight)
{
    const W difference = _mm_sub_epi16(color, in), high = _mm_mulhi_epi16(difference, weight);
    const W low = _mm_srli_epi16(_mm_mullo_epi16(difference, weight), 14);
    return _mm_add_epi16(_mm_add_epi16(in, _mm_add_epi16(high, high)), _mm_avg_epu16(low, _mm_setzero_si128()));
}

// The same of more bits: in * (65535 - weight) + color * weight, rounded and divided by 65535.
static inline L divide(L sum)
{
    sum = _mm_add_epi32(sum, _mm_set1_epi32(32768));
    return _mm_srli_epi32(_mm_add_epi32(sum, _mm_srli_epi32(sum, 16)), 16);
}

static inline W w_blend_deep(W in, W color, W weight)
{
    const W rest = _mm_xor_si128(weight, _mm_set1_epi32(-1));
    const W al = _mm_mullo_epi16(in, rest), ah = _mm_mulhi_epu16(in, rest);
    const W bl = _mm_mullo_epi16(color, weight), bh = _mm_mulhi_epu16(color, weight);
    return l_lower(divide(_mm_add_epi32(_mm_unpacklo_epi16(al, ah), _mm_unpacklo_epi16(bl, bh))),
                   divide(_mm_add_epi32(_mm_unpackhi_epi16(al, ah), _mm_unpackhi_epi16(bl, bh))));
}

// Weights and colours of 16 levels.
typedef struct Found {
    W color[2], weight[2];
} Found;

static inline L four_entries(const uint32_t *table, const uint8_t *index)
{
    const L a = _mm_unpacklo_epi32(_mm_cvtsi32_si128((int)table[index[0]]), _mm_cvtsi32_si128((int)table[index[1]]));
    const L b = _mm_unpacklo_epi32(_mm_cvtsi32_si128((int)table[index[2]]), _mm_cvtsi32_si128((int)table[index[3]]));
    return _mm_unpacklo_epi64(a, b);
}

// Always 1: they are found wherever they are.
INLINE int look_up(const GcamBlendTable *table, const uint8_t *index, Found *found)
{
    UNROLL
    for (int half = 0; half < 2; half++) {
        const L a = four_entries(table->both, index + 8 * half), b = four_entries(table->both, index + 8 * half + 4);
        found->weight[half] = l_lower(a, b);
        found->color[half] = _mm_packs_epi32(_mm_srai_epi32(a, 16), _mm_srai_epi32(b, 16));
    }
    return 1;
}

// Whether what follows can do that: bytes of which three are a pixel are faster one by one.
static inline int b_gathers(const int step) { return step != 3; }

// 16 bytes, `step` bytes apart, in 16 * step bytes that may be read and written as a whole, and back among the others.
INLINE B b_gather(const uint8_t *row, const int step)
{
    const __m128i first2 = _mm_set1_epi16(0xff), first4 = _mm_set1_epi32(0xff);
    __m128i v[4];

    for (int k = 0; k < step; k++)
        v[k] = _mm_loadu_si128((const __m128i *)(row + 16 * k));
    if (step == 1)
        return v[0];
    if (step == 2)
        return _mm_packus_epi16(_mm_and_si128(v[0], first2), _mm_and_si128(v[1], first2));
    for (int k = 0; k < 4; k++)
        v[k] = _mm_and_si128(v[k], first4);
    return _mm_packus_epi16(_mm_packs_epi32(v[0], v[1]), _mm_packs_epi32(v[2], v[3]));
}

// Bytes of `mine` where they belong to samples, every second or fourth of a vector, the others as they were.
INLINE void replace(uint8_t *row, __m128i mine, __m128i others)
{
    __m128i *at = (__m128i *)row;
    _mm_storeu_si128(at, _mm_or_si128(mine, _mm_and_si128(_mm_loadu_si128(at), others)));
}

INLINE void b_scatter(uint8_t *row, const int step, B out)
{
    const __m128i zero = _mm_setzero_si128(), low = _mm_unpacklo_epi8(out, zero), high = _mm_unpackhi_epi8(out, zero);
    const __m128i others2 = _mm_set1_epi16((short)0xff00), others4 = _mm_set1_epi32((int)0xffffff00);

    if (step == 1) {
        b_store(row, out);
    } else if (step == 2) {
        replace(row, low, others2);
        replace(row + 16, high, others2);
    } else {
        replace(row, _mm_unpacklo_epi16(low, zero), others4);
        replace(row + 16, _mm_unpackhi_epi16(low, zero), others4);
        replace(row + 32, _mm_unpacklo_epi16(high, zero), others4);
        replace(row + 48, _mm_unpackhi_epi16(high, zero), others4);
    }
}

// Eight words, `step` words apart.
INLINE W w_gather(const uint8_t *row, const int step)
{
    const uint16_t *in = (const uint16_t *)row;
    if (step == 1)
        return w_load(row);
    return _mm_setr_epi16((short)in[0], (short)in[step], (short)in[2 * step], (short)in[3 * step], (short)in[4 * step],
                          (short)in[5 * step], (short)in[6 * step], (short)in[7 * step]);
}

INLINE void w_scatter(uint8_t *row, const int step, W out)
{
    uint16_t word[8];
    if (step == 1) {
        w_store(row, out);
        return;
    }
    w_store(word, out);
    UNROLL
    for (int i = 0; i < 8; i++)
        ((uint16_t *)row)[step * i] = word[i];
}

// 16 bytes of each in turn.
static inline void b_store3(uint8_t *out, const B in[3])
{
    uint8_t byte[3][16];
    for (int k = 0; k < 3; k++)
        b_store(byte[k], in[k]);
    for (int i = 0; i < 16; i++)
        for (int k = 0; k < 3; k++)
            out[3 * i + k] = byte[k][i];
}

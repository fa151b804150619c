/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loops of resizing for AVX2; resize.h has the contracts. Bytes are widened by unpacking, which works within halves
 * of a vector, so the order is put right when sums are stored. Columns are 16 products at a time, and the sums of eight
 * columns are added up together. Colours leave as three vectors of codes, woven by shuffles.
 */
#include <immintrin.h>

#include "kernels/kernels.h"

enum { ROWS8 = 64, ROWS16 = 32 };     // columns of a block

// Sums of 16-bit words: bytes were taken apart within each half of a vector, which is undone here.
static inline void store_bytes(int16_t *out, __m256i low, __m256i high)
{
    _mm256_storeu_si256((__m256i *)out, _mm256_permute2x128_si256(low, high, 0x20));
    _mm256_storeu_si256((__m256i *)(out + 16), _mm256_permute2x128_si256(low, high, 0x31));
}

static inline void rows8_block(int16_t *out, const uint8_t *const *in, int x, const uint16_t *weight, int taps)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i a = _mm256_set1_epi16((short)(taps / 2)), b = a, c = a, d = a;

    for (int t = 0; t < taps; t++) {
        const __m256i w = _mm256_set1_epi16((short)weight[t]);
        const __m256i v0 = _mm256_loadu_si256((const __m256i *)(in[t] + x));
        const __m256i v1 = _mm256_loadu_si256((const __m256i *)(in[t] + x + 32));
        a = _mm256_add_epi16(a, _mm256_mulhi_epu16(_mm256_unpacklo_epi8(zero, v0), w));
        b = _mm256_add_epi16(b, _mm256_mulhi_epu16(_mm256_unpackhi_epi8(zero, v0), w));
        c = _mm256_add_epi16(c, _mm256_mulhi_epu16(_mm256_unpacklo_epi8(zero, v1), w));
        d = _mm256_add_epi16(d, _mm256_mulhi_epu16(_mm256_unpackhi_epi8(zero, v1), w));
    }
    store_bytes(out + x, a, b);
    store_bytes(out + x + 32, c, d);
}

static inline void rows16_block(int16_t *out, const uint8_t *const *in, int x, const uint16_t *weight, int taps,
                                int shift)
{
    const __m128i bits = _mm_cvtsi32_si128(shift);
    __m256i a = _mm256_set1_epi16((short)(taps / 2)), b = a;

    for (int t = 0; t < taps; t++) {
        const __m256i *row = (const __m256i *)(in[t] + 2 * (ptrdiff_t)x);
        const __m256i w = _mm256_set1_epi16((short)weight[t]);
        const __m256i v0 = _mm256_sll_epi16(_mm256_loadu_si256(row), bits);
        const __m256i v1 = _mm256_sll_epi16(_mm256_loadu_si256(row + 1), bits);
        a = _mm256_add_epi16(a, _mm256_mulhi_epu16(v0, w));
        b = _mm256_add_epi16(b, _mm256_mulhi_epu16(v1, w));
    }
    _mm256_storeu_si256((__m256i *)(out + x), a);
    _mm256_storeu_si256((__m256i *)(out + x + 16), b);
}

#include "kernels/resize_steps.h"

// Products of one column, 16 taps and more, as eight sums that are still to be added. taps is known where these are
// inlined.
__attribute__((always_inline))
static inline __m256i weigh(const int16_t *in, const int16_t *weight, int taps)
{
    __m256i sum = _mm256_madd_epi16(_mm256_loadu_si256((const __m256i *)in),
                                    _mm256_loadu_si256((const __m256i *)weight));

    for (int t = 16; t < taps; t += 16)
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_loadu_si256((const __m256i *)(in + t)),
                                                      _mm256_loadu_si256((const __m256i *)(weight + t))));
    return sum;
}

// The sums of four columns, each in two parts: one in the lower half of the vector, one in the upper.
__attribute__((always_inline))
static inline __m256i weigh4(const int16_t *in, const int *first, const int16_t *weight, int taps)
{
    const size_t n = (size_t)taps;
    const __m256i a = weigh(in + first[0], weight, taps), b = weigh(in + first[1], weight + n, taps);
    const __m256i c = weigh(in + first[2], weight + 2 * n, taps), d = weigh(in + first[3], weight + 3 * n, taps);

    return _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
}

// Eight sums, rounded.
__attribute__((always_inline))
static inline __m256i weigh8(const int16_t *in, const int *first, const int16_t *weight, int taps)
{
    const __m256i half = _mm256_set1_epi32(1 << (GCAM_RESIZE_COLUMN_BITS - 1));
    const __m256i a = weigh4(in, first, weight, taps), b = weigh4(in, first + 4, weight + 4 * (size_t)taps, taps);
    const __m256i sums = _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20),
                                          _mm256_permute2x128_si256(a, b, 0x31));

    return _mm256_srai_epi32(_mm256_add_epi32(sums, half), GCAM_RESIZE_COLUMN_BITS);
}

__attribute__((always_inline))
static inline void columns(int16_t *out, const int16_t *in, const GcamResizeTaps *taps, int n)
{
    for (int i = 0; i < taps->count; i += 16) {
        const int16_t *weight = (const int16_t *)taps->weight + (size_t)i * n;
        const __m256i a = weigh8(in, taps->first + i, weight, n);
        const __m256i b = weigh8(in, taps->first + i + 8, weight + 8 * (size_t)n, n);
        const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
        _mm256_storeu_si256((__m256i *)(out + i), words);
    }
}

static void resize_columns(int16_t *out, const int16_t *in, const GcamResizeTaps *taps)
{
    // Those of samples side by side that are reduced up to 7.5 and up to 15.5 times.
    switch (taps->taps) {
    case 16: columns(out, in, taps, 16); break;
    case 32: columns(out, in, taps, 32); break;
    default: columns(out, in, taps, taps->taps);
    }
}

// Sixteen codes of one colour.
static inline __m128i find_codes(const GcamResizeColor *color, int k, const __m256i ab[2], const __m256i c[2])
{
    const __m256i offset = _mm256_set1_epi32(color->offset[k]), c_scale = _mm256_set1_epi32(color->scale[k][2]);
    const __m256i ab_scale = _mm256_set1_epi32((int)((uint16_t)color->scale[k][0] |
                                                     (uint32_t)color->scale[k][1] << 16));
    __m256i sum[2];

    for (int i = 0; i < 2; i++) {
        sum[i] = _mm256_add_epi32(_mm256_madd_epi16(ab[i], ab_scale), _mm256_madd_epi16(c[i], c_scale));
        sum[i] = _mm256_srai_epi32(_mm256_add_epi32(sum[i], offset), GCAM_RESIZE_COLOR_BITS);
    }
    const __m256i words = _mm256_packs_epi32(sum[0], sum[1]);
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

// Where in a vector of one colour byte i of 48 interleaved ones is found; 128 if it is of another colour.
#define PLACE(c, i)     (i) % 3 == (c) ? (i) / 3 : 128
#define LIST4(c, i)     PLACE(c, i), PLACE(c, (i) + 1), PLACE(c, (i) + 2), PLACE(c, (i) + 3)
#define LIST16(c, i)    { LIST4(c, i), LIST4(c, (i) + 4), LIST4(c, (i) + 8), LIST4(c, (i) + 12) }

static const uint8_t place[3][3][16] = {
    { LIST16(0, 0), LIST16(1, 0), LIST16(2, 0) },
    { LIST16(0, 16), LIST16(1, 16), LIST16(2, 16) },
    { LIST16(0, 32), LIST16(1, 32), LIST16(2, 32) },
};

static void resize_color(uint8_t *rgb, const int16_t *const in[3], int count, const GcamResizeColor *color)
{
    const __m256i zero = _mm256_setzero_si256();
    int x = 0;

    for (; x + 16 <= count; x += 16) {
        const __m256i a = _mm256_loadu_si256((const __m256i *)(in[0] + x));
        const __m256i b = _mm256_loadu_si256((const __m256i *)(in[1] + x));
        const __m256i c = _mm256_loadu_si256((const __m256i *)(in[2] + x));
        const __m256i ab[2] = { _mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b) };
        const __m256i c0[2] = { _mm256_unpacklo_epi16(c, zero), _mm256_unpackhi_epi16(c, zero) };
        __m128i code[3];
        for (int k = 0; k < 3; k++)
            code[k] = find_codes(color, k, ab, c0);
        for (int i = 0; i < 3; i++) {
            __m128i v = _mm_setzero_si128();
            for (int k = 0; k < 3; k++)
                v = _mm_or_si128(v, _mm_shuffle_epi8(code[k], _mm_loadu_si128((const __m128i *)place[i][k])));
            _mm_storeu_si128((__m128i *)(rgb + 3 * x + 16 * i), v);
        }
    }
    const int16_t *const rest[3] = { in[0] + x, in[1] + x, in[2] + x };
    gcam_resize_color_c(rgb + 3 * x, rest, count - x, color);
}

void gcam_resize_init_avx2(GcamKernels *kernels)
{
    kernels->resize = (GcamResizeKernels){ rows8, rows16, resize_columns, resize_color };
}

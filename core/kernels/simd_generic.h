/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vector operations of the portable kernels: four floats, in the compiler's own vector type, which every
 * 64-bit processor has (SSE2, NEON) and others emulate. Each simd_*.h defines the same names:
 *
 *     V, VW                       a vector of floats, and how many
 *     v_load, v_store, _n         at any address; _n: of a part, and nothing beyond is touched
 *     v_fma, v_fnma               a * b + c, c - a * b; rounded once or twice, as the processor does
 *     v_select_less, v_clamp      a < b ? x : y; min(max(v, lo), hi), where NaN passes
 *     v_sum, v_most               of the elements, in an order of its own
 *     v_load_f16, v_load_bf16     n elements of 16 bits, at any address, as floats; v_store_f16 rounds to nearest
 */
#include <string.h>

#include "base/half.h"

typedef float V __attribute__((vector_size(16)));
enum { VW = 4 };

static inline V v_set1(float x) { return (V){ x, x, x, x }; }
static inline V v_zero(void) { return v_set1(0); }
static inline V v_load(const float *p) { V v; memcpy(&v, p, sizeof(v)); return v; }
static inline void v_store(float *p, V v) { memcpy(p, &v, sizeof(v)); }

// The first n of VW elements; those beyond are read as zero, and not written. n may be 0 or more than VW.
static inline V v_load_n(const float *p, size_t n)
{
    V v = v_zero();
    memcpy(&v, p, (n < VW ? n : VW) * sizeof(*p));
    return v;
}

static inline void v_store_n(float *p, V v, size_t n)
{
    memcpy(p, &v, (n < VW ? n : VW) * sizeof(*p));
}

static inline V v_add(V a, V b) { return a + b; }
static inline V v_sub(V a, V b) { return a - b; }
static inline V v_mul(V a, V b) { return a * b; }
static inline V v_fma(V a, V b, V c) { return a * b + c; }
static inline V v_fnma(V a, V b, V c) { return c - a * b; }

static inline V v_div(V a, V b) { return a / b; }

// a < b ? x : y, element by element.
static inline V v_select_less(V a, V b, V x, V y)
{
    for (int i = 0; i < VW; i++)
        y[i] = a[i] < b[i] ? x[i] : y[i];
    return y;
}

// v * 2^n for integers n from -126 to 127.
static inline V v_ldexp(V v, V n)
{
    for (int i = 0; i < VW; i++)
        v[i] *= gcam_bits_to_float((uint32_t)((int32_t)(n[i] == n[i] ? n[i] : 0) + 127) << 23);
    return v;
}

// NaN passes: every comparison with it is false.
static inline V v_clamp(V v, V lo, V hi)
{
    for (int i = 0; i < VW; i++) {
        float x = v[i] < lo[i] ? lo[i] : v[i];
        v[i] = x > hi[i] ? hi[i] : x;
    }
    return v;
}

static inline float v_sum(V v) { return (v[0] + v[2]) + (v[1] + v[3]); }

// The greatest element, of those that are numbers.
static inline float v_most(V v)
{
    float most = v[0];
    for (int i = 1; i < VW; i++)
        most = v[i] > most || most != most ? v[i] : most;
    return most;
}

static inline V v_load_f16(const void *p, size_t n)
{
    uint16_t h[VW] = { 0 };
    memcpy(h, p, (n < VW ? n : VW) * sizeof(*h));
    return (V){ gcam_half_to_float(h[0]), gcam_half_to_float(h[1]),
                gcam_half_to_float(h[2]), gcam_half_to_float(h[3]) };
}

static inline void v_store_f16(void *p, V v, size_t n)
{
    const uint16_t h[VW] = { gcam_float_to_half(v[0]), gcam_float_to_half(v[1]), gcam_float_to_half(v[2]),
                             gcam_float_to_half(v[3]) };
    memcpy(p, h, (n < VW ? n : VW) * sizeof(*h));
}

static inline V v_load_bf16(const void *p, size_t n)
{
    uint16_t h[VW] = { 0 };
    memcpy(h, p, (n < VW ? n : VW) * sizeof(*h));
    return (V){ gcam_bfloat16_to_float(h[0]), gcam_bfloat16_to_float(h[1]),
                gcam_bfloat16_to_float(h[2]), gcam_bfloat16_to_float(h[3]) };
}

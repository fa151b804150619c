/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The transforms of Winograd's convolution (Lavin and Gray, "Fast algorithms for convolutional neural
 * networks"), for the instruction set whose simd_*.h was included before: V = B^T d B of an input tile, Y =
 * A^T M A of an output tile. Vectorised over channels. F(2x2,3x3) interpolates at 0, 1, -1 and infinity;
 * F(4x4,3x3) and F(2x2,5x5), which have the same input tile, at 0, +-sqrt(1/2), +-sqrt(2) and infinity, which
 * rounds about half as much as the usual 0, +-1, +-2. tensor/conv/winograd.c has the filter's transform.
 *
 * In: one tile, whose rows and pixels lie anywhere but its channels side by side; out: its positions, a fixed distance
 * apart, as the matrix products want them, or finished pixels. Channels come in sixteens, so no vector is in part. A
 * tile at the edge of a picture is copied whole by the caller first. Each transform is one of columns, then of rows.
 */
#include <math.h>

#include "kernels.h"
#include "unroll.h"

#define WINOGRAD_ROOT ((float)M_SQRT1_2)

// One column or row of B^T d, of a tile of 4.
INLINE void input_of4(const V d[4], V out[4])
{
    out[0] = v_sub(d[0], d[2]);
    out[1] = v_add(d[1], d[2]);
    out[2] = v_sub(d[2], d[1]);
    out[3] = v_sub(d[3], d[1]);
}

// With a = sqrt(1/2), b = sqrt(2) = 2a: rows (1,0,-5/2,0,1,0), (0,-+2a,-2,+-a,1,0), (0,-+a,-1/2,+-2a,1,0),
// (0,1,0,-5/2,0,1).
INLINE void input_of6(const V d[6], V out[6])
{
    V a = v_set1(WINOGRAD_ROOT), b = v_set1(2 * WINOGRAD_ROOT);
    V five_halves = v_set1(2.5f), two = v_set1(2), half = v_set1(0.5f);
    out[0] = v_add(v_fnma(five_halves, d[2], d[0]), d[4]);
    V even = v_fnma(two, d[2], d[4]), odd = v_fnma(b, d[1], v_mul(a, d[3]));
    out[1] = v_add(even, odd);
    out[2] = v_sub(even, odd);
    even = v_fnma(half, d[2], d[4]);
    odd = v_fnma(a, d[1], v_mul(b, d[3]));
    out[3] = v_add(even, odd);
    out[4] = v_sub(even, odd);
    out[5] = v_add(v_fnma(five_halves, d[3], d[1]), d[5]);
}

// One column or row of A^T m: 2 outputs of a tile of 4.
INLINE void output2_of4(const V m[4], V out[2])
{
    V sum = v_add(m[1], m[2]), difference = v_sub(m[1], m[2]);
    out[0] = v_add(m[0], sum);
    out[1] = v_add(difference, m[3]);
}

// Powers 0 to 3 of the points +-a (m1, m2) and +-b (m3, m4): a^2 = 1/2, b^2 = 2.
INLINE void output4_of6(const V m[6], V out[4])
{
    V a = v_set1(WINOGRAD_ROOT), b = v_set1(2 * WINOGRAD_ROOT), two = v_set1(2), half = v_set1(0.5f);
    V sum1 = v_add(m[1], m[2]), difference1 = v_mul(a, v_sub(m[1], m[2]));
    V sum2 = v_add(m[3], m[4]), difference2 = v_mul(b, v_sub(m[3], m[4]));
    out[0] = v_add(v_add(m[0], sum1), sum2);
    out[1] = v_add(difference1, difference2);
    out[2] = v_fma(two, sum2, v_mul(half, sum1));
    out[3] = v_add(v_fma(two, difference2, v_mul(half, difference1)), m[5]);
}

// Powers 0 and 1.
INLINE void output2_of6(const V m[6], V out[2])
{
    V a = v_set1(WINOGRAD_ROOT), b = v_set1(2 * WINOGRAD_ROOT);
    V odd = v_fma(b, v_sub(m[3], m[4]), v_mul(a, v_sub(m[1], m[2])));
    out[0] = v_add(v_add(m[0], v_add(m[1], m[2])), v_add(m[3], m[4]));
    out[1] = v_add(odd, m[5]);
}

#define WINOGRAD_INPUT(t_) \
    static void winograd_input_of##t_(size_t channels, const float *x, ptrdiff_t row, ptrdiff_t pixel, \
                                   float *v, ptrdiff_t position) \
    { \
        for (size_t i = 0; i < channels; i += VW) { \
            V columns[t_][t_], d[t_], out[t_]; \
            for (int c = 0; c < t_; c++) { \
                for (int r = 0; r < t_; r++) \
                    d[r] = v_load(x + r * row + c * pixel + i); \
                input_of##t_(d, out); \
                for (int r = 0; r < t_; r++) \
                    columns[r][c] = out[r]; \
            } \
            for (int r = 0; r < t_; r++) { \
                input_of##t_(columns[r], out); \
                for (int c = 0; c < t_; c++) \
                    v_store(v + (r * t_ + c) * position + i, out[c]); \
            } \
        } \
    }

#define WINOGRAD_OUTPUT(m_, t_) \
    static void winograd_output##m_##_of##t_(const GcamWinogradOutput *o) \
    { \
        const GcamFinish *f = &o->finish; \
        V lo = v_set1(f->lo), hi = v_set1(f->hi); \
        for (size_t i = 0; i < o->channels; i += VW) { \
            V columns[m_][t_], m[t_], out[m_], bias = f->bias ? v_load(f->bias + i) : v_zero(); \
            for (int c = 0; c < t_; c++) { \
                for (int r = 0; r < t_; r++) \
                    m[r] = v_load(o->m + (r * t_ + c) * o->position + i); \
                output##m_##_of##t_(m, out); \
                for (int r = 0; r < m_; r++) \
                    columns[r][c] = out[r]; \
            } \
            for (int r = 0; r < m_; r++) { \
                output##m_##_of##t_(columns[r], out); \
                for (int c = 0; c < m_; c++) { \
                    ptrdiff_t offset = r * o->y_row + c * f->y_step + (ptrdiff_t)i; \
                    V y = v_add(out[c], bias); \
                    if (f->add) \
                        y = v_add(y, v_load(f->add + offset)); \
                    v_store(f->y + offset, v_clamp(y, lo, hi)); \
                } \
            } \
        } \
    }

WINOGRAD_INPUT(4)
WINOGRAD_INPUT(6)
WINOGRAD_OUTPUT(2, 4)
WINOGRAD_OUTPUT(4, 6)
WINOGRAD_OUTPUT(2, 6)

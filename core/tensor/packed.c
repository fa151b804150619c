/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Packed B: in, a matrix by any strides, or rows one after another; out, the panels that the kernels of this processor
 * read (kernels/gemm.h). The memory is the constructor's, or the caller's who fills in a GcamPackedB himself.
 */
#include "packed.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/sizes.h"

size_t gcam_packed_b_step(const GcamKernels *kernels)
{
    return kernels->panel ? kernels->panel : GCAM_GEMM_STEP;
}

size_t gcam_packed_b_size(const GcamKernels *kernels, enum GcamType type, size_t k, size_t n)
{
    size_t size, columns = kernels->panel ? gcam_round_up(n, kernels->panel / 2) : n;
    return columns < n || gcam_mul(gcam_packed_b_rows(type, k), columns, &size) ? SIZE_MAX : size;
}

typedef float Four __attribute__((vector_size(16)));

// Elements of a and b, those of b being 4 to 7.
#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int FourPlaces __attribute__((vector_size(16)));
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (FourPlaces){ __VA_ARGS__ })
#endif

// Four rows of packed B from four columns, whose elements are neighbours in b: a transposition.
static inline void pack_square(const float *b, ptrdiff_t col_stride, float *packed, size_t stride)
{
    Four c[4], row[4];
    for (int j = 0; j < 4; j++)
        memcpy(&c[j], b + j * col_stride, sizeof(c[j]));
    Four low01 = SHUFFLE(c[0], c[1], 0, 4, 1, 5), high01 = SHUFFLE(c[0], c[1], 2, 6, 3, 7);
    Four low23 = SHUFFLE(c[2], c[3], 0, 4, 1, 5), high23 = SHUFFLE(c[2], c[3], 2, 6, 3, 7);
    row[0] = SHUFFLE(low01, low23, 0, 1, 4, 5);
    row[1] = SHUFFLE(low01, low23, 2, 3, 6, 7);
    row[2] = SHUFFLE(high01, high23, 0, 1, 4, 5);
    row[3] = SHUFFLE(high01, high23, 2, 3, 6, 7);
    for (size_t p = 0; p < 4; p++)
        memcpy(packed + p * stride, &row[p], sizeof(row[p]));
}

static void pack_panel(size_t k, size_t n, size_t width, size_t stride, const float *b, ptrdiff_t row_stride,
                       ptrdiff_t col_stride, float *packed)
{
    if (col_stride == 1) {
        for (size_t p = 0; p < k; p++) {
            memcpy(packed + p * stride, b + (ptrdiff_t)p * row_stride, n * sizeof(*b));
            memset(packed + p * stride + n, 0, (width - n) * sizeof(*b));
        }
        return;
    }
    // Squares where they fit; the rest some rows at a time, which stay in the first cache until all columns have been
    // there.
    size_t high = row_stride == 1 ? k - k % 4 : 0, wide = high ? n - n % 4 : 0;
    for (size_t p = 0; p < high; p += 4)
        for (size_t j = 0; j < wide; j += 4)
            pack_square(b + p + (ptrdiff_t)j * col_stride, col_stride, packed + p * stride + j, stride);
    for (size_t first = 0; first < k; first += 64)
        for (size_t j = 0; j < width; j++) {
            size_t last = gcam_min_size(first + 64, k);
            for (size_t p = j < wide && first < high ? gcam_min_size(high, last) : first; p < last; p++)
                packed[p * stride + j] = j < n ? b[(ptrdiff_t)p * row_stride + (ptrdiff_t)j * col_stride] : 0;
        }
}

// A panel of pairs: some rows at a time are packed as floats, and then rounded.
static void pack_pairs(const GcamKernels *kernels, size_t k, size_t n, size_t width, const float *b,
                       ptrdiff_t row_stride, ptrdiff_t col_stride, float *packed)
{
    enum { ROWS = 64 };
    float rows[(ROWS + 1) * GCAM_GEMM_STEP];
    for (size_t p = 0; p < k; p += ROWS) {
        size_t count = gcam_min_size(k - p, ROWS);
        pack_panel(count, n, width, width, b + (ptrdiff_t)p * row_stride, row_stride, col_stride, rows);
        memset(rows + count * width, 0, width * sizeof(*rows));
        for (size_t i = 0; i < count; i += 2)
            kernels->pair_rows(packed + (p + i) / 2 * width, rows + i * width, rows + (i + 1) * width, width);
    }
}

void gcam_packed_b_fill(GcamPackedB *packed, size_t first, size_t last, const float *b, ptrdiff_t row_stride,
                        ptrdiff_t col_stride)
{
    const GcamKernels *kernels = packed->kernels;
    size_t step = gcam_packed_b_step(kernels), k = packed->k, n = packed->n;
    for (size_t j = first; j < last; j += step) {
        size_t columns = gcam_min_size(n - j, step), width = gcam_packed_b_width(packed, j);
        const float *from = b + (ptrdiff_t)j * col_stride;
        if (packed->type == GCAM_BF16)
            pack_pairs(kernels, k, columns, width, from, row_stride, col_stride,
                       packed->data + j * gcam_packed_b_rows(GCAM_BF16, k));
        else
            pack_panel(k, columns, width, kernels->panel ? width : n, from, row_stride, col_stride,
                       packed->data + (kernels->panel ? j * k : j));
    }
}

int gcam_packed_b_alloc(GcamPackedB **out, enum GcamType type, size_t k, size_t n)
{
    enum { HEADER = 64 / sizeof(float) };
    const GcamKernels *kernels = gcam_kernels();
    size_t size = gcam_packed_b_size(kernels, type, k, n);
    *out = NULL;
    float *block = size > SIZE_MAX - HEADER ? NULL : gcam_alloc(HEADER + size, sizeof(float));
    if (!block)
        return -ENOMEM;
    _Static_assert(sizeof(GcamPackedB) <= HEADER * sizeof(float), "the header is a cache line");
    GcamPackedB *packed = (void *)block;
    *packed = (GcamPackedB){ .kernels = kernels, .type = type, .k = k, .n = n, .data = block + HEADER };
    *out = packed;
    return 0;
}

size_t gcam_packed_b_width(const GcamPackedB *b, size_t j)
{
    size_t columns = gcam_min_size(b->n - j, gcam_packed_b_step(b->kernels));
    return b->kernels->panel ? gcam_round_up(columns, b->kernels->panel / 2) : columns;
}

// Row p of the panel that begins at column j: *width floats.
static float *packed_row(GcamPackedB *b, size_t p, size_t j, size_t *width)
{
    *width = gcam_packed_b_width(b, j);
    return b->kernels->panel ? b->data + j * b->k + p * *width : b->data + p * b->n + j;
}

void gcam_packed_b_set_rows(GcamPackedB *b, size_t p, size_t j, const float *even, const float *odd)
{
    static const float zeros[GCAM_GEMM_STEP];
    size_t width = gcam_packed_b_width(b, j);
    if (b->type == GCAM_BF16) {
        b->kernels->pair_rows(b->data + j * gcam_packed_b_rows(GCAM_BF16, b->k) + p / 2 * width, even,
                              p + 1 < b->k ? odd : zeros, width);
        return;
    }
    memcpy(packed_row(b, p, j, &width), even, width * sizeof(*even));
    if (p + 1 < b->k)
        memcpy(packed_row(b, p + 1, j, &width), odd, width * sizeof(*odd));
}

void gcam_packed_b_copy_row(GcamPackedB *to, size_t p, const GcamPackedB *from, size_t q)
{
    size_t step = gcam_packed_b_step(from->kernels), width;
    for (size_t j = 0; j < from->n; j += step) {
        if (from->type == GCAM_F32) {
            float *row = packed_row(to, p, j, &width);
            memcpy(row, packed_row((GcamPackedB *)from, q, j, &width), width * sizeof(*row));
            continue;
        }
        width = gcam_packed_b_width(from, j);
        const float *in = from->data + j * gcam_packed_b_rows(GCAM_BF16, from->k) + q / 2 * width;
        float *out = to->data + j * gcam_packed_b_rows(GCAM_BF16, to->k) + p / 2 * width;
        for (size_t i = 0; i < width; i++) {
            uint32_t one = gcam_float_to_bits(in[i]) >> q % 2 * 16 & 0xffff;
            out[i] = gcam_bits_to_float(p % 2 ? gcam_float_to_bits(out[i]) | one << 16 : one);
        }
    }
}

int gcam_packed_b_create(GcamPackedB **out, enum GcamType type, size_t k, size_t n, const float *b,
                         ptrdiff_t row_stride, ptrdiff_t col_stride)
{
    int error = gcam_packed_b_alloc(out, type, k, n);
    if (!error)
        gcam_packed_b_fill(*out, 0, n, b, row_stride, col_stride);
    return error;
}

void gcam_packed_b_free(GcamPackedB **b)
{
    if (!b)
        return;
    gcam_free(*b);
    *b = NULL;
}

void gcam_packed_b_turn(const GcamPackedB *b, size_t k0, size_t k1, size_t n0, size_t n1, float *out)
{
    size_t step = b->kernels->panel, b_k = gcam_packed_b_rows(b->type, b->k);
    size_t out_k = gcam_packed_b_rows(b->type, k1 - k0);
    for (size_t row = k0, next; row < k1; row = next) {
        size_t panel = row / step * step, stride = gcam_packed_b_width(b, panel);
        next = gcam_min_size(panel + step, k1);
        for (size_t n = n0; n < n1; n += step) {
            size_t columns = gcam_min_size(step, n1 - n), width = gcam_round_up(columns, step / 2);
            const float *in = b->data + panel * b_k + gcam_packed_b_rows(b->type, n) * stride + (row - panel);
            float *to = out + (n - n0) * out_k + gcam_packed_b_rows(b->type, row - k0) * width;
            // The next panel is too far off to be expected.
            for (size_t i = 0; next < k1 && i < gcam_packed_b_rows(b->type, columns) * stride; i += 16)
                __builtin_prefetch(in + step * b_k + i);
            if (b->type == GCAM_BF16)
                b->kernels->turn_pairs(to, in, stride, next - row, columns, width);
            else
                pack_panel(next - row, columns, width, width, in, 1, (ptrdiff_t)stride, to);
        }
    }
}

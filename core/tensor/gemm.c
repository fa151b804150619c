/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Packs B, cuts a product into blocks, and lets the kernels of this CPU compute them, on several threads.
 */
#include "gemm.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/half.h"
#include "base/mem.h"
#include "base/sizes.h"
#include "gemm_block.h"

// --------------------------------------------------------------------------------------------------- packing

size_t gcam_packed_b_step(const GcamKernels *kernels)
{
    return kernels->panel ? kernels->panel : GCAM_GEMM_STEP;
}

int gcam_gemm_has(enum GcamType type)
{
    return type == GCAM_F32 || (type == GCAM_BF16 && gcam_kernels()->gemm_bf16);
}

// Rows of packed B: of bfloat16 two are one.
static size_t packed_rows(enum GcamType type, size_t k)
{
    return type == GCAM_BF16 ? gcam_ceil_div(k, 2) : k;
}

size_t gcam_packed_b_size(const GcamKernels *kernels, enum GcamType type, size_t k, size_t n)
{
    size_t size, columns = kernels->panel ? gcam_round_up(n, kernels->panel / 2) : n;
    return columns < n || gcam_mul(packed_rows(type, k), columns, &size) ? SIZE_MAX : size;
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

// Packs columns first..last-1, where `first` is a multiple of gcam_packed_b_step(): packing can be divided.
static void pack(const GcamPackedB *packed, size_t first, size_t last, const float *b, ptrdiff_t row_stride,
                 ptrdiff_t col_stride)
{
    const GcamKernels *kernels = packed->kernels;
    size_t step = gcam_packed_b_step(kernels), k = packed->k, n = packed->n;
    for (size_t j = first; j < last; j += step) {
        size_t columns = gcam_min_size(n - j, step), width = gcam_packed_b_width(packed, j);
        const float *from = b + (ptrdiff_t)j * col_stride;
        if (packed->type == GCAM_BF16)
            pack_pairs(kernels, k, columns, width, from, row_stride, col_stride,
                       packed->data + j * packed_rows(GCAM_BF16, k));
        else
            pack_panel(k, columns, width, kernels->panel ? width : n, from, row_stride, col_stride,
                       packed->data + (kernels->panel ? j * k : j));
    }
}

void gcam_gemm_pack(GcamPackedB *b, const float *from, ptrdiff_t row_stride, ptrdiff_t col_stride)
{
    pack(b, 0, b->n, from, row_stride, col_stride);
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
        b->kernels->pair_rows(b->data + j * packed_rows(GCAM_BF16, b->k) + p / 2 * width, even,
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
        const float *in = from->data + j * packed_rows(GCAM_BF16, from->k) + q / 2 * width;
        float *out = to->data + j * packed_rows(GCAM_BF16, to->k) + p / 2 * width;
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
        pack(*out, 0, n, b, row_stride, col_stride);
    return error;
}

void gcam_packed_b_destroy(GcamPackedB **b)
{
    if (!b)
        return;
    gcam_free(*b);
    *b = NULL;
}

// ---------------------------------------------------------------------------------------------------- blocks

void gcam_activation_limits(enum GcamActivation act, float lo, float hi, float limits[2])
{
    limits[0] = act == GCAM_ACT_CLIP ? lo : act == GCAM_ACT_RELU ? 0 : -INFINITY;
    limits[1] = act == GCAM_ACT_CLIP ? hi : INFINITY;
}

size_t gcam_gemm_k_pieces(size_t k, size_t *length)
{
    size_t pieces = gcam_ceil_div(k, GCAM_GEMM_K);
    *length = pieces ? gcam_round_up(gcam_ceil_div(k, pieces), 8) : 0;
    return pieces;
}

void gcam_gemm_block(const GcamPackedB *b, size_t m, size_t n0, size_t n1, size_t k0, size_t k1,
                     const float *a, ptrdiff_t lda, float *c, ptrdiff_t ldc, const GcamEpilogue *ep)
{
    // Panels of B that stay in the second cache while the rows of A pass: 256 KB.
    size_t step = gcam_packed_b_step(b->kernels), rows = packed_rows(b->type, k1 - k0);
    size_t columns = b->kernels->panel ? gcam_round_up(65536 / (rows + 1) + 1, step) : n1 - n0;
    float limits[2];
    gcam_activation_limits(ep->act, ep->lo, ep->hi, limits);
    for (size_t n = n0; n < n1; n += columns) {
        GcamGemmBlock block = {
            .m = m,
            .n = gcam_min_size(columns, n1 - n),
            .k = k1 - k0,
            .n0 = n,
            .k0 = k0,
            .a = a,
            .lda = lda,
            .b = b->data,
            .b_k = b->k,
            .b_n = b->n,
            .c = c + n,
            .ldc = ldc,
            .load = k0 > 0 || ep->accumulate,
            .last = k1 == b->k,
            .bias = ep->bias ? ep->bias + n : NULL,
            .add = ep->add ? ep->add + n : NULL,
            .add_stride = ep->add_stride,
            .lo = limits[0],
            .hi = limits[1],
        };
        if (b->type == GCAM_BF16)
            b->kernels->gemm_bf16(&block);
        else
            b->kernels->gemm(&block);
    }
}

void gcam_gemm_rows(const GcamPackedB *b, size_t m, size_t n0, size_t n1, const float *a, ptrdiff_t lda,
                    float *c, ptrdiff_t ldc, const GcamEpilogue *ep)
{
    size_t length, pieces = gcam_gemm_k_pieces(b->k, &length);
    if (!pieces)
        gcam_gemm_block(b, m, n0, n1, 0, 0, a, lda, c, ldc, ep);
    for (size_t i = 0; i < pieces; i++) {
        size_t k0 = i * length, k1 = gcam_min_size(k0 + length, b->k);
        gcam_gemm_block(b, m, n0, n1, k0, k1, a + k0, lda, c, ldc, ep);
    }
}

size_t gcam_gemm_tasks(const GcamKernels *kernels, int threads)
{
    enum { EACH = 4, MOST = 16 };
    return !kernels->panel ? MOST : threads == 1 ? 1 : gcam_min_size(EACH * (size_t)threads, MOST);
}

void gcam_gemm_cut(const GcamKernels *kernels, size_t m, size_t n, size_t k, size_t tasks, size_t *rows,
                   size_t *columns)
{
    enum { SMALL = 1 << 20 };   // multiplications of a task too small to be cut
    size_t step = gcam_packed_b_step(kernels);
    *rows = kernels->panel ? 8 * kernels->rows : 256;
    *columns = kernels->panel ? gcam_round_up(256, step) : 512;
    while (gcam_ceil_div(m, *rows) * gcam_ceil_div(n, *columns) < tasks) {
        size_t high = gcam_min_size(*rows, m), wide = gcam_min_size(*columns, n);
        if ((double)high * (double)wide * (double)k < SMALL)
            break;
        if (wide > step && wide >= high)
            *columns = gcam_round_up(gcam_ceil_div(wide, 2), step);
        else if (high > kernels->rows)
            *rows = gcam_round_up(gcam_ceil_div(high, 2), kernels->rows);
        else if (wide > step)
            *columns = gcam_round_up(gcam_ceil_div(wide, 2), step);
        else
            break;
    }
}

// --------------------------------------------------------------------------------------------------- threads

typedef struct Product {
    const GcamPackedB *b;
    size_t m, rows, columns;
    size_t row_blocks, column_blocks;   // of a group
    size_t group;               // rows of A that a thread begins with
    const float *a;
    ptrdiff_t lda;
    float *c;
    ptrdiff_t ldc;
    GcamEpilogue ep;
} Product;

// Within a group, blocks of the same columns follow each other: their panels of B are then in a cache.
static void product_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Product *p = opaque;
    size_t blocks = p->row_blocks * p->column_blocks, first = index / blocks * p->group;
    size_t last = gcam_min_size(first + p->group, p->m), row = first + index % p->row_blocks * p->rows;
    size_t column = index % blocks / p->row_blocks * p->columns;
    GcamEpilogue ep = p->ep;
    if (row >= last)
        return;
    if (ep.add)
        ep.add += (ptrdiff_t)row * ep.add_stride;
    gcam_gemm_rows(p->b, gcam_min_size(p->rows, last - row), column, gcam_min_size(column + p->columns, p->b->n),
                   p->a + (ptrdiff_t)row * p->lda, p->lda, p->c + (ptrdiff_t)row * p->ldc, p->ldc, &ep);
}

// Each thread begins with rows of its own: they are in its cache from the step before, and will be for the next. Only
// where few rows meet large weights, these are better divided. What OpenBLAS computes depends on how rows are cut.
static size_t groups_of_rows(const GcamThreads *pool, size_t m, const GcamPackedB *b)
{
    int divide_weights = (double)b->k * (double)b->n >= (double)m * (double)(b->k + b->n);
    return divide_weights || !b->kernels->panel ? 1 : (size_t)gcam_threads_count(pool);
}

void gcam_gemm_packed(GcamThreads *pool, size_t m, const float *a, ptrdiff_t lda, const GcamPackedB *b,
                      float *c, ptrdiff_t ldc, const GcamEpilogue *ep)
{
    if (!m || !b->n)
        return;
    size_t groups = groups_of_rows(pool, m, b);
    Product product = { .b = b, .m = m, .group = gcam_ceil_div(m, groups), .a = a, .lda = lda, .c = c, .ldc = ldc };
    if (ep)
        product.ep = *ep;
    size_t tasks = gcam_gemm_tasks(b->kernels, gcam_threads_count(pool)) / groups;
    gcam_gemm_cut(b->kernels, product.group, b->n, b->k, tasks, &product.rows, &product.columns);
    product.row_blocks = gcam_ceil_div(product.group, product.rows);
    product.column_blocks = gcam_ceil_div(b->n, product.columns);
    gcam_threads_run(pool, groups * product.row_blocks * product.column_blocks, product_task, &product);
}

// -------------------------------------------------------------------------------------------------- unpacked

typedef struct Packing {
    const GcamPackedB *packed;  // B
    size_t rows, columns;       // of A
    size_t step;                // columns (B) or rows (A) per task
    const float *in;
    ptrdiff_t row, col, out_row;
    float *out;
} Packing;

static void pack_b_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Packing *p = opaque;
    size_t first = index * p->step;
    pack(p->packed, first, gcam_min_size(first + p->step, p->packed->n), p->in, p->row, p->col);
}

static void pack_a_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Packing *p = opaque;
    size_t first = index * p->step, last = gcam_min_size(first + p->step, p->rows);
    for (size_t j = 0; j < p->columns; j++)
        for (size_t i = first; i < last; i++)
            p->out[(ptrdiff_t)i * p->out_row + (ptrdiff_t)j] =
                p->in[(ptrdiff_t)i * p->row + (ptrdiff_t)j * p->col];
}

// Rows of a copied A: a cache line more than a multiple of one, so that rows do not collide in the caches.
static size_t copied_row(size_t k)
{
    return gcam_round_up(k, 16) + 16;
}

size_t gcam_gemm_scratch(size_t m, size_t n, size_t k)
{
    size_t a, b = gcam_packed_b_size(gcam_kernels(), GCAM_F32, k, n), sum;
    if (k > SIZE_MAX - 32 || b > SIZE_MAX - 16 || gcam_mul(m, copied_row(k), &a))
        return SIZE_MAX;
    return __builtin_add_overflow(a, gcam_round_up(b, 16), &sum) ? SIZE_MAX : sum;
}

void gcam_gemm(GcamThreads *pool, enum GcamType type, size_t m, size_t n, size_t k, const float *a, ptrdiff_t a_row,
               ptrdiff_t a_col, const float *b, ptrdiff_t b_row, ptrdiff_t b_col, float *c, ptrdiff_t ldc,
               const GcamEpilogue *ep, float *scratch)
{
    if (!m || !n)
        return;
    const GcamKernels *kernels = gcam_kernels();
    GcamPackedB packed = { .kernels = kernels, .type = type, .k = k, .n = n, .data = scratch };
    Packing packing = {
        .packed = &packed, .step = gcam_round_up(128, gcam_packed_b_step(kernels)), .in = b, .row = b_row, .col = b_col,
    };
    gcam_threads_run(pool, gcam_ceil_div(n, packing.step), pack_b_task, &packing);
    if ((a_col != 1 && k > 1) || (m > 1 && a_row < (ptrdiff_t)k)) {
        Packing copy = {
            .rows = m,
            .columns = k,
            .step = 64,
            .in = a,
            .row = a_row,
            .col = a_col,
            .out_row = (ptrdiff_t)copied_row(k),
            .out = scratch + gcam_round_up(gcam_packed_b_size(kernels, GCAM_F32, k, n), 16),
        };
        gcam_threads_run(pool, gcam_ceil_div(m, copy.step), pack_a_task, &copy);
        a = copy.out;
        a_row = copy.out_row;
    }
    gcam_gemm_packed(pool, m, a, a_row, &packed, c, ldc, ep);
}

// ---------------------------------------------------------------------------------------------------- across

typedef struct Across {
    const GcamPackedB *b;
    size_t m, columns;          // of C, the second for each task
    const float *a;
    ptrdiff_t lda;
    float *c;
    ptrdiff_t ldc;
    float *memory;              // for B transposed
} Across;

// Rows k0..k1-1, columns n0..n1-1 of B transposed, as a packed B of their own; k0 is even, n0 a multiple of the step.
// Each panel of B gives as many rows as it has columns, or some of them.
static void turn_block(const GcamPackedB *b, size_t k0, size_t k1, size_t n0, size_t n1, float *out)
{
    size_t step = b->kernels->panel, b_k = packed_rows(b->type, b->k), out_k = packed_rows(b->type, k1 - k0);
    for (size_t row = k0, next; row < k1; row = next) {
        size_t panel = row / step * step, stride = gcam_packed_b_width(b, panel);
        next = gcam_min_size(panel + step, k1);
        for (size_t n = n0; n < n1; n += step) {
            size_t columns = gcam_min_size(step, n1 - n), width = gcam_round_up(columns, step / 2);
            const float *in = b->data + panel * b_k + packed_rows(b->type, n) * stride + (row - panel);
            float *to = out + (n - n0) * out_k + packed_rows(b->type, row - k0) * width;
            // The next panel is too far off to be expected.
            for (size_t i = 0; next < k1 && i < packed_rows(b->type, columns) * stride; i += 16)
                __builtin_prefetch(in + step * b_k + i);
            if (b->type == GCAM_BF16)
                b->kernels->turn_pairs(to, in, stride, next - row, columns, width);
            else
                pack_panel(next - row, columns, width, width, in, 1, (ptrdiff_t)stride, to);
        }
    }
}

static void turn_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Across *across = opaque;
    size_t n = across->b->n, first = index * across->columns;
    size_t last = gcam_min_size(first + across->columns, across->b->k);
    turn_block(across->b, 0, n, first, last, across->memory + first * packed_rows(across->b->type, n));
}

// Some columns of C, all rows: a piece of B is transposed and, while it is in the caches, multiplied by.
static void across_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Across *across = opaque;
    const GcamPackedB *b = across->b;
    size_t first = index * across->columns, last = gcam_min_size(first + across->columns, b->k), length;
    size_t pieces = gcam_gemm_k_pieces(b->n, &length);
    GcamPackedB turned = { .kernels = b->kernels, .type = b->type, .n = last - first,
                           .data = across->memory + first * packed_rows(b->type, gcam_min_size(length, b->n)) };
    for (size_t i = 0; i < pieces; i++) {
        size_t k0 = i * length, k1 = gcam_min_size(k0 + length, b->n);
        const GcamEpilogue epilogue = { .accumulate = i > 0 };
        turned.k = k1 - k0;
        turn_block(b, k0, k1, first, last, turned.data);
        gcam_gemm_rows(&turned, across->m, 0, turned.n, across->a + k0, across->lda, across->c + first, across->ldc,
                       &epilogue);
    }
}

void gcam_gemm_packed_across(GcamThreads *pool, size_t m, const float *a, ptrdiff_t lda, const GcamPackedB *b,
                             float *c, ptrdiff_t ldc, float *scratch)
{
    enum { TASKS = 8, PANELS = 3, FEW = 256 };  // enough tasks; panels of C that are worth the way through A; its rows
    if (!b->kernels->panel) {
        gcam_gemm(pool, GCAM_F32, m, b->k, b->n, a, lda, 1, b->data, 1, (ptrdiff_t)b->n, c, ldc, NULL, scratch);
        return;
    }
    size_t panels = gcam_min_size(gcam_ceil_div(gcam_ceil_div(b->k, b->kernels->panel), TASKS), PANELS);
    Across across = { b, m, b->kernels->panel * panels, a, lda, c, ldc, scratch };
    gcam_threads_run(pool, gcam_ceil_div(b->k, across.columns), m <= FEW ? across_task : turn_task, &across);
    GcamPackedB packed = { .kernels = b->kernels, .type = b->type, .k = b->n, .n = b->k, .data = scratch };
    if (m > FEW)
        gcam_gemm_packed(pool, m, a, lda, &packed, c, ldc, NULL);
}

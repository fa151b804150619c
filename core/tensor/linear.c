/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Fully connected layer on one vector. Two ways through the weights: along their rows, a dot product each,
 * where a row belongs to one element of the result; or by multiples of whole rows, where it belongs to one
 * element of the input.
 */
#include "linear.h"

#include <string.h>

#include "gemm_block.h"
#include "kernels/kernels.h"

enum {
    DOT_ROWS = 32,              // rows per task
    SUM_LEAST = 512,            // columns per task, at least and at most: long pieces of rows are read faster
    SUM_MOST = 2048,
    SUM_AHEAD = 2,              // sets of rows between the one that is added and the one that is fetched meanwhile
    SUM_BLOCK = 64,             // rows that are added up by themselves
    SPARSE = 16,                // so many elements other than zero are looked up one by one
    VECTORS = 8,                // that are multiplied at once
};

size_t gcam_type_size(enum GcamType type)
{
    return type == GCAM_F32 ? 4 : 2;
}

void gcam_convert(float *out, const void *in, enum GcamType type, size_t n)
{
    gcam_kernels()->convert[type](out, in, n);
}

void gcam_to_half(void *out, const float *in, size_t n)
{
    gcam_kernels()->narrow(out, in, n);
}

// A vector that is multiplied, and the result.
typedef struct Vector {
    const float *x;
    float *y;
    size_t nonzero[SPARSE], nonzeros;   // of x, where they are few
} Vector;

typedef struct Linear {
    const GcamKernels *kernels;
    size_t rows, columns;       // of w in memory
    const char *w;
    enum GcamType type;
    const float *bias;
    const float *mask;          // elements of y that may become zero are those where it is; or NULL
    float limits[2];
    size_t sum_columns;         // per task
    size_t count;               // of vectors
    Vector vector[VECTORS];
} Linear;

static const void *weights_at(const Linear *l, size_t row, size_t column)
{
    return l->w + (row * l->columns + column) * gcam_type_size(l->type);
}

static float finish(const Linear *l, size_t i, float sum)
{
    if (l->bias)
        sum += l->bias[i];
    sum = sum < l->limits[0] ? l->limits[0] : sum;
    return sum > l->limits[1] ? l->limits[1] : sum;
}

static size_t end_of(size_t begin, size_t step, size_t end)
{
    return begin + step < end ? begin + step : end;
}

// ---------------------------------------------------------------------------------------------------- along the rows

// w[row] . x where x has few elements other than zero.
static float look_up(const Linear *l, const Vector *v, size_t row)
{
    float sum = 0, w;
    for (size_t i = 0; i < v->nonzeros; i++) {
        l->kernels->convert[l->type](&w, weights_at(l, row, v->nonzero[i]), 1);
        sum += w * v->x[v->nonzero[i]];
    }
    return sum;
}

// Some of the rows in a list, from number `first` on. Where they are not a whole set the first is repeated.
static void set_of(const Linear *l, const size_t *row, size_t rows, size_t first, const void *w[GCAM_LINEAR_ROWS])
{
    for (size_t r = 0; r < GCAM_LINEAR_ROWS; r++)
        w[r] = weights_at(l, row[first + r < rows ? first + r : first], 0);
}

// y[row] = w[row] . x
static void dot_task(void *opaque, size_t index, int thread)
{
    Linear *l = opaque;
    size_t begin = index * DOT_ROWS, end = end_of(begin, DOT_ROWS, l->rows), row[DOT_ROWS], rows = 0;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        if (!l->mask || l->mask[i] != 0)
            row[rows++] = i;
    for (size_t k = 0; l->mask && k < l->count; k++)
        memset(l->vector[k].y + begin, 0, (end - begin) * sizeof(float));
    for (size_t at = 0; at < rows; at += GCAM_LINEAR_ROWS) {
        size_t n = rows - at < GCAM_LINEAR_ROWS ? rows - at : GCAM_LINEAR_ROWS;
        const void *w[GCAM_LINEAR_ROWS], *next[GCAM_LINEAR_ROWS];
        float sums[GCAM_LINEAR_ROWS];
        set_of(l, row, rows, at, w);
        set_of(l, row, rows, at + n < rows ? at + n : at, next);
        for (size_t k = 0; k < l->count; k++) {
            const Vector *v = &l->vector[k];
            if (v->nonzeros > SPARSE)
                l->kernels->dot[l->type](sums, w, next, v->x, l->columns);
            for (size_t r = 0; r < n; r++)
                v->y[row[at + r]] = finish(l, row[at + r], v->nonzeros > SPARSE ? sums[r] : look_up(l, v, row[at + r]));
        }
    }
}

static void find_nonzeros(Vector *v, size_t columns)
{
    size_t n = 0;
    for (size_t i = 0; i < columns && n <= SPARSE; i++)
        if (v->x[i] != 0) {
            if (n < SPARSE)
                v->nonzero[n] = i;
            n++;
        }
    v->nonzeros = n;
}

// --------------------------------------------------------------------------------------------------------- whole rows

// A set of rows whose x is not zero.
typedef struct Rows {
    const void *w[GCAM_LINEAR_ROWS];
    float factor[GCAM_LINEAR_ROWS];
} Rows;

// The next ones from row *at on; 0 when there are none before `end`. If they are fewer than a set, a row is repeated,
// times zero.
static int find_rows(const Linear *l, const float *x, size_t *at, size_t end, size_t column, Rows *rows)
{
    int n = 0;
    for (; *at < end && n < GCAM_LINEAR_ROWS; ++*at)
        if (x[*at] != 0) {
            rows->w[n] = weights_at(l, *at, column);
            rows->factor[n++] = x[*at];
        }
    for (int i = n; n && i < GCAM_LINEAR_ROWS; i++) {
        rows->w[i] = rows->w[0];
        rows->factor[i] = 0;
    }
    return n;
}

// y[begin .. end - 1] += sum over rows `at` to `last` - 1 of x[row] * w[row][begin .. end - 1]
static void add_rows(const Linear *l, const Vector *v, size_t at, size_t last, size_t begin, size_t end)
{
    _Alignas(64) float sum[SUM_MOST];
    size_t ahead = at;
    Rows set, later;
    memset(sum, 0, (end - begin) * sizeof(*sum));
    for (int i = 0; i < SUM_AHEAD; i++)
        find_rows(l, v->x, &ahead, l->rows, begin, &later);
    while (find_rows(l, v->x, &at, last, begin, &set)) {
        int more = find_rows(l, v->x, &ahead, l->rows, begin, &later);
        l->kernels->axpy[l->type](sum, set.w, more ? later.w : set.w, set.factor, end - begin);
    }
    for (size_t i = begin; i < end; i++)
        v->y[i] += sum[i - begin];
}

// The columns of this task, however many they are: to each, blocks of rows are added in their order. A sum of blocks is
// more exact than one of rows, and a block stays in the cache until all vectors have had it.
static void sum_task(void *opaque, size_t index, int thread)
{
    const Linear *l = opaque;
    size_t begin = index * l->sum_columns, end = end_of(begin, l->sum_columns, l->columns);
    (void)thread;
    for (size_t k = 0; k < l->count; k++)
        memset(l->vector[k].y + begin, 0, (end - begin) * sizeof(float));
    for (size_t at = 0; at < l->rows; at += SUM_BLOCK)
        for (size_t k = 0; k < l->count; k++)
            add_rows(l, &l->vector[k], at, end_of(at, SUM_BLOCK, l->rows), begin, end);
    for (size_t k = 0; k < l->count; k++)
        for (size_t i = begin; i < end; i++)
            l->vector[k].y[i] = finish(l, i, l->vector[k].y[i]);
}

static size_t columns_of_a_task(const GcamThreads *pool, size_t columns)
{
    size_t threads = (size_t)gcam_threads_count(pool), share = (columns / threads + 63) / 64 * 64;
    return share < SUM_LEAST ? SUM_LEAST : share > SUM_MOST ? SUM_MOST : share;
}

// ----------------------------------------------------------------------------------------------------------- the layer

static void run(GcamThreads *pool, Linear *l, int by_dot)
{
    l->kernels = gcam_kernels();
    if (by_dot) {
        for (size_t k = 0; k < l->count; k++)
            find_nonzeros(&l->vector[k], l->columns);
        gcam_threads_run(pool, (l->rows + DOT_ROWS - 1) / DOT_ROWS, dot_task, l);
        return;
    }
    l->sum_columns = columns_of_a_task(pool, l->columns);
    gcam_threads_run(pool, (l->columns + l->sum_columns - 1) / l->sum_columns, sum_task, l);
}

void gcam_linear_forward(GcamThreads *pool, size_t out, size_t in, const void *w, enum GcamType type,
                         int transposed, const float *bias, const float *x, float *y, enum GcamActivation act,
                         float lo, float hi)
{
    Linear linear = {
        .rows = transposed ? in : out, .columns = transposed ? out : in,
        .w = w, .type = type, .bias = bias, .count = 1, .vector = { { .x = x, .y = y } },
    };
    gcam_activation_limits(act, lo, hi, linear.limits);
    run(pool, &linear, !transposed);
}

void gcam_linear_backward(GcamThreads *pool, size_t out, size_t in, const void *w, enum GcamType type, int transposed,
                          size_t count, const float *const *dy, const float *x, float *const *dx)
{
    Linear linear = {
        .rows = transposed ? in : out,
        .columns = transposed ? out : in,
        .w = w,
        .type = type,
        .mask = transposed ? x : NULL,
    };
    gcam_activation_limits(GCAM_ACT_NONE, 0, 0, linear.limits);
    for (size_t first = 0; first < count; first += linear.count) {
        linear.count = count - first < VECTORS ? count - first : VECTORS;
        for (size_t k = 0; k < linear.count; k++)
            linear.vector[k] = (Vector){ .x = dy[first + k], .y = dx[first + k] };
        run(pool, &linear, transposed);
    }
}

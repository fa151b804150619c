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
    DOT_ROWS = 16,              // rows per task
    SUM_TASKS = 4,              // tasks that share the columns: few, as long pieces of rows are read faster
    SUM_LEAST = 1024,           // at least and at most so many columns for each
    SUM_MOST = 8192,
    SPARSE = 16,                // so many elements other than zero are looked up one by one
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

typedef struct Linear {
    const GcamKernels *kernels;
    size_t rows, columns;       // of w in memory
    const char *w;
    enum GcamType type;
    const float *bias, *x;
    const float *mask;          // elements of y that may become zero are those where it is; or NULL
    float *y;
    float limits[2];
    size_t sum_columns;         // per task
    size_t nonzero[SPARSE], nonzeros;   // of x, where they are few
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

// y[row] = w[row] . x
static void dot_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Linear *l = opaque;
    size_t end = end_of(index * DOT_ROWS, DOT_ROWS, l->rows), row = index * DOT_ROWS;
    while (row < end) {
        const void *w[GCAM_LINEAR_ROWS];
        size_t rows[GCAM_LINEAR_ROWS], n = 0;
        float sums[GCAM_LINEAR_ROWS];
        for (; row < end && n < GCAM_LINEAR_ROWS; row++) {
            l->y[row] = 0;
            if (!l->mask || l->mask[row] != 0)
                rows[n++] = row;
        }
        for (size_t r = 0; n && r < GCAM_LINEAR_ROWS; r++)
            w[r] = weights_at(l, rows[r < n ? r : 0], 0);
        if (n)
            l->kernels->dot[l->type](sums, w, l->x, l->columns);
        for (size_t r = 0; r < n; r++)
            l->y[rows[r]] = finish(l, rows[r], sums[r]);
    }
}

// The same where x has few elements other than zero.
static void lookup_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Linear *l = opaque;
    size_t end = end_of(index * DOT_ROWS, DOT_ROWS, l->rows);
    for (size_t row = index * DOT_ROWS; row < end; row++) {
        float sum = 0, w;
        for (size_t i = 0; i < l->nonzeros; i++) {
            l->kernels->convert[l->type](&w, weights_at(l, row, l->nonzero[i]), 1);
            sum += w * l->x[l->nonzero[i]];
        }
        l->y[row] = finish(l, row, sum);
    }
}

// Some rows whose x is not zero.
typedef struct Rows {
    const void *w[GCAM_LINEAR_ROWS];
    float factor[GCAM_LINEAR_ROWS];
} Rows;

// The next ones from row *at on; 0 when there are none. If they are fewer than a set, a row is repeated,
// times zero.
static int find_rows(const Linear *l, size_t *at, size_t column, Rows *rows)
{
    int n = 0;
    for (; *at < l->rows && n < GCAM_LINEAR_ROWS; ++*at)
        if (l->x[*at] != 0) {
            rows->w[n] = weights_at(l, *at, column);
            rows->factor[n++] = l->x[*at];
        }
    for (int i = n; n && i < GCAM_LINEAR_ROWS; i++) {
        rows->w[i] = rows->w[0];
        rows->factor[i] = 0;
    }
    return n;
}

// y[columns of this task] = sum over rows of x[row] * w[row][columns]
static void sum_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Linear *l = opaque;
    size_t begin = index * l->sum_columns, end = end_of(begin, l->sum_columns, l->columns), at = 0;
    memset(l->y + begin, 0, (end - begin) * sizeof(*l->y));
    Rows rows, next;
    for (int more = find_rows(l, &at, begin, &rows); more; rows = next) {
        more = find_rows(l, &at, begin, &next);
        l->kernels->axpy[l->type](l->y + begin, rows.w, more ? next.w : rows.w, rows.factor, end - begin);
    }
    for (size_t i = begin; i < end; i++)
        l->y[i] = finish(l, i, l->y[i]);
}

static void find_nonzeros(Linear *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->columns && n <= SPARSE; i++)
        if (l->x[i] != 0) {
            if (n < SPARSE)
                l->nonzero[n] = i;
            n++;
        }
    l->nonzeros = n;
}

static void run(GcamPool *pool, Linear *l, int by_dot)
{
    l->kernels = gcam_kernels();
    if (!by_dot) {
        size_t columns = (l->columns / SUM_TASKS + 63) / 64 * 64;
        columns = columns < SUM_LEAST ? SUM_LEAST : columns;
        l->sum_columns = columns > SUM_MOST ? SUM_MOST : columns;
        gcam_pool_run(pool, (l->columns + l->sum_columns - 1) / l->sum_columns, sum_task, l);
        return;
    }
    find_nonzeros(l);
    gcam_pool_run(pool, (l->rows + DOT_ROWS - 1) / DOT_ROWS, l->nonzeros <= SPARSE ? lookup_task : dot_task,
                  l);
}

void gcam_linear_forward(GcamPool *pool, size_t out, size_t in, const void *w, enum GcamType type,
                         int transposed, const float *bias, const float *x, float *y, enum GcamActivation act,
                         float lo, float hi)
{
    Linear linear = {
        .rows = transposed ? in : out, .columns = transposed ? out : in,
        .w = w, .type = type, .bias = bias, .x = x, .y = y,
    };
    gcam_activation_limits(act, lo, hi, linear.limits);
    run(pool, &linear, !transposed);
}

void gcam_linear_backward(GcamPool *pool, size_t out, size_t in, const void *w, enum GcamType type,
                          int transposed, const float *dy, const float *x, float *dx)
{
    Linear linear = {
        .rows = transposed ? in : out,
        .columns = transposed ? out : in,
        .w = w,
        .type = type,
        .x = dy,
        .mask = x,
        .y = dx,
    };
    gcam_activation_limits(GCAM_ACT_NONE, 0, 0, linear.limits);
    run(pool, &linear, transposed);
}

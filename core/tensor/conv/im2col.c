/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolution as a matrix product: a row per output pixel, [kernel_h][kernel_w][c / groups] along it, times
 * the weights. With 1x1 kernels the activations are that matrix. Otherwise blocks of rows are gathered, a
 * piece of K at a time, into scratch that stays in the caches: in NHWC a row is a few long runs of the input.
 */
#include <errno.h>
#include <string.h>

#include "algorithm.h"
#include "base/mem.h"
#include "base/sizes.h"
#include "tensor/gemm_block.h"

// Narrow groups fill only a part of the vectors of a panel: as many of them as fit are taken as one, whose weights
// from one group's inputs to the other's outputs are zero. It costs nothing and halves what there is to gather.
static void merge_groups(GcamConv *conv)
{
    GcamConvShape *s = &conv->shape;
    size_t least = conv->kernels->panel / 2;
    conv->merged = 1;
    while (s->groups % 2 == 0 && (size_t)(s->out_c / s->groups) * 2 <= least) {
        s->groups /= 2;
        conv->merged *= 2;
    }
}

typedef struct Packing {
    const GcamConv *conv;
    const float *weights, *scale;       // in ONNX order
    size_t group;
} Packing;

// Row p of the matrix, `width` columns from j on.
static void weight_row(const Packing *packing, size_t p, size_t j, size_t width, float *row)
{
    const GcamConv *conv = packing->conv;
    const GcamConvShape *s = &conv->shape;
    size_t own_in = (size_t)(s->c / s->groups / conv->merged);
    size_t own_out = (size_t)(s->out_c / s->groups / conv->merged);
    size_t in = (size_t)(s->c / s->groups), out = (size_t)(s->out_c / s->groups);
    size_t taps = (size_t)s->kernel_h * s->kernel_w, i = p % in, t = p / in;
    for (size_t o = 0; o < width; o++) {
        size_t channel = packing->group * out + j + o;
        int apart = j + o >= out || (j + o) / own_out != i / own_in;
        row[o] = apart ? 0 : (packing->scale ? packing->scale[channel] : 1) *
                             packing->weights[(channel * own_in + i % own_in) * taps + t];
    }
}

// The matrix [kernel_h * kernel_w * c / groups][out_c / groups] of a group, some output channels at a time, and of
// these two inputs at a time for all taps, whose weights are neighbours in memory.
static void pack(const Packing *packing, GcamPackedB *packed)
{
    const GcamConvShape *s = &packing->conv->shape;
    size_t in = (size_t)(s->c / s->groups), k = (size_t)s->kernel_h * s->kernel_w * in, run = in % 2 ? k : in;
    float even[GCAM_GEMM_STEP], odd[GCAM_GEMM_STEP];
    for (size_t j = 0; j < packed->n; j += gcam_packed_b_step(packed->kernels))
        for (size_t first = 0; first < run; first += 2)
            for (size_t p = first; p < k; p += run) {
                size_t width = gcam_packed_b_width(packed, j);
                weight_row(packing, p, j, width, even);
                if (p + 1 < k)
                    weight_row(packing, p + 1, j, width, odd);
                gcam_packed_b_set_rows(packed, p, j, even, odd);
            }
}

static int create(GcamConv *conv, const float *weights, const float *scale)
{
    const GcamConvShape *s = &conv->shape;
    merge_groups(conv);
    size_t n = (size_t)(s->out_c / s->groups), k = (size_t)s->kernel_h * s->kernel_w * (s->c / s->groups);
    int error = gcam_conv_packed_create(conv, (size_t)s->groups);
    for (int g = 0; g < s->groups && !error; g++) {
        error = gcam_packed_b_alloc(&conv->packed[g], s->type, k, n);
        if (!error)
            pack(&(Packing){ conv, weights, scale, (size_t)g }, conv->packed[g]);
    }
    return error;
}

// ------------------------------------------------------------------------------------------------------ gemm

static size_t no_scratch(const GcamConv *conv, int threads)
{
    (void)conv;
    (void)threads;
    return 0;
}

// Nothing lies between the lines of the input, and of the output.
static int has_dense_lines(const GcamConv *conv)
{
    const GcamConvShape *s = &conv->shape;
    return conv->x_line == (ptrdiff_t)s->w * s->c && conv->y_line == (ptrdiff_t)s->out_w * s->y_pixel;
}

typedef struct Lines {
    const GcamConv *conv;
    const float *x, *add;
    float *y;
    size_t columns, lines;      // of a task
    size_t line_tasks;
} Lines;

static void lines_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Lines *job = opaque;
    const GcamConvShape *s = &job->conv->shape;
    size_t out = (size_t)(s->out_c / s->groups), blocks = (out + job->columns - 1) / job->columns;
    size_t first = index % job->line_tasks * job->lines, all = (size_t)s->n * s->h;
    size_t column = index / job->line_tasks % blocks * job->columns, g = index / job->line_tasks / blocks;
    for (size_t line = first; line < first + job->lines && line < all; line++) {
        const float *x = job->x + line * (size_t)job->conv->x_line + g * (size_t)(s->c / s->groups);
        size_t y = line * (size_t)job->conv->y_line;
        GcamEpilogue ep = gcam_conv_epilogue(job->conv, job->add ? job->add + y : NULL, (int)(g * out));
        gcam_gemm_rows(job->conv->packed[g], (size_t)s->w, column, gcam_min_size(column + job->columns, out), x, s->c,
                       job->y + y + g * out, s->y_pixel, &ep);
    }
}

// The product line by line.
static void forward_lines(const GcamConv *conv, GcamThreads *pool, const float *x, const float *add, float *y)
{
    enum { WORK = 1 << 18, COLUMNS = 256 };     // multiplications that are worth a turn
    const GcamConvShape *s = &conv->shape;
    size_t out = (size_t)(s->out_c / s->groups), step = gcam_packed_b_step(conv->kernels), all = (size_t)s->n * s->h;
    Lines job = { .conv = conv, .x = x, .add = add, .y = y, .columns = (COLUMNS + step - 1) / step * step };
    job.lines = 1 + (size_t)(WORK / ((double)s->w * (double)gcam_min_size(job.columns, out) * (s->c / s->groups)));
    job.line_tasks = (all + job.lines - 1) / job.lines;
    gcam_threads_run(pool, job.line_tasks * ((out + job.columns - 1) / job.columns) * (size_t)s->groups, lines_task,
                     &job);
}

static void forward_gemm(const GcamConv *conv, GcamThreads *pool, const float *x, const float *add, float *y,
                         float *scratch)
{
    (void)scratch;
    const GcamConvShape *s = &conv->shape;
    int in = s->c / s->groups, out = s->out_c / s->groups;
    if (!has_dense_lines(conv)) {
        forward_lines(conv, pool, x, add, y);
        return;
    }
    for (int g = 0; g < s->groups; g++) {
        GcamEpilogue ep = gcam_conv_epilogue(conv, add, g * out);
        gcam_gemm_packed(pool, (size_t)s->n * s->h * s->w, x + g * in, s->c, conv->packed[g], y + g * out,
                         s->y_pixel, &ep);
    }
}

const GcamConvAlgorithm gcam_conv_gemm = {
    .name = "gemm", .create = create, .scratch = no_scratch, .forward = forward_gemm,
};

// ---------------------------------------------------------------------------------------------------- im2col

typedef struct Gather {
    const GcamConv *conv;
    size_t pixels;              // of an output image, or of a line of one where these lie apart
    size_t lines;               // so many of them make an image
    size_t rows, columns;       // of a block
    size_t high;                // rows gathered before they are multiplied: few, which stay in the first cache
    size_t row_blocks, column_blocks;
    const float *x, *add;
    float *y, *scratch;
    size_t thread_scratch;
} Gather;

// A cache line more than a multiple of one: rows do not collide in the caches.
static size_t gathered_row(size_t k)
{
    size_t length;
    gcam_gemm_k_pieces(k, &length);
    return gcam_round_line(length) + 16;
}

static void cut(const GcamConv *conv, int threads, Gather *gather)
{
    const GcamConvShape *s = &conv->shape;
    const GcamPackedB *b = conv->packed[0];
    gather->conv = conv;
    gather->lines = has_dense_lines(conv) ? 1 : (size_t)s->out_h;
    gather->pixels = (size_t)s->out_h * s->out_w / gather->lines;
    gcam_gemm_cut(conv->kernels, gather->pixels, b->n, b->k, gcam_gemm_tasks(conv->kernels, threads), &gather->rows,
                  &gather->columns);
    gather->high = conv->kernels->panel ? gcam_min_size(gather->rows, conv->kernels->rows) : gather->rows;
    gather->row_blocks = (gather->pixels + gather->rows - 1) / gather->rows;
    gather->column_blocks = (b->n + gather->columns - 1) / gather->columns;
    gather->thread_scratch = gcam_conv_part(gather->high * gathered_row(b->k));
}

// memcpy() for few elements: with three input channels, calls would cost more than copying.
static void copy(float *out, const float *in, size_t n)
{
    enum { BLOCK = 8 };
    if (n > 8 * BLOCK) {
        memcpy(out, in, n * sizeof(*out));
    } else if (n >= BLOCK) {
        for (size_t i = 0; i + BLOCK <= n; i += BLOCK)
            memcpy(out + i, in + i, BLOCK * sizeof(*out));
        memcpy(out + n - BLOCK, in + n - BLOCK, BLOCK * sizeof(*out));      // overlaps the last one
    } else {
        for (size_t i = 0; i < n; i++)
            out[i] = in[i];
    }
}

// n elements from `begin` on of the run of pixels that begins in column ix of a line of `width` pixels; what
// lies outside of it is zero.
static void copy_run(float *out, const float *line, int ix, int width, int channels, ptrdiff_t begin,
                     ptrdiff_t n)
{
    ptrdiff_t first = (ptrdiff_t)ix * channels + begin, inside = (ptrdiff_t)width * channels - first;
    if (first >= 0 && n <= inside) {
        copy(out, line + first, (size_t)n);
        return;
    }
    ptrdiff_t before = first > 0 ? 0 : -first < n ? -first : n;
    ptrdiff_t end = inside > n ? n : inside < before ? before : inside;
    memset(out, 0, (size_t)before * sizeof(*out));
    if (end > before)
        copy(out + before, line + first + before, (size_t)(end - before));
    memset(out + end, 0, (size_t)(n - end) * sizeof(*out));
}

// A piece of the matrix's rows, k0..k1-1, and how it is made of runs. Where neighbouring taps are neighbours
// in memory, a kernel row is one run, else each tap is one.
typedef struct Piece {
    size_t k0, k1, run;         // length of a run
    int joined;
    int ky, kx;                 // of the first run
    size_t begin;               // where in the first run the piece begins
} Piece;

static Piece make_piece(const GcamConvShape *s, size_t k0, size_t k1)
{
    size_t channels = (size_t)(s->c / s->groups), across = (size_t)s->kernel_w;
    int joined = s->groups == 1 && s->dilation_w == 1;
    size_t run = joined ? channels * across : channels, first = k0 / run;
    return (Piece){
        .k0 = k0, .k1 = k1, .run = run, .joined = joined, .begin = k0 % run,
        .ky = (int)(joined ? first : first / across), .kx = (int)(joined ? 0 : first % across),
    };
}

// The piece of the row that belongs to one output pixel.
static void gather_row(const GcamConv *conv, const Piece *piece, const float *x, int oy, int ox, float *row)
{
    const GcamConvShape *s = &conv->shape;
    int iy0 = oy * s->stride_h - s->pad_top, ix0 = ox * s->stride_w - s->pad_left;
    int ky = piece->ky, kx = piece->kx;
    size_t left = piece->k1 - piece->k0, begin = piece->begin;
    while (left) {
        size_t n = gcam_min_size(piece->run - begin, left);
        int iy = iy0 + ky * s->dilation_h, ix = ix0 + kx * s->dilation_w;
        int outside = iy < 0 || iy >= s->h || (!piece->joined && (ix < 0 || ix >= s->w));
        const float *line = outside ? x : x + iy * conv->x_line;
        if (outside)
            memset(row, 0, n * sizeof(*row));
        else if (!piece->joined)
            copy(row, line + (ptrdiff_t)ix * s->c + begin, n);
        else
            copy_run(row, line, ix, s->w, s->c, (ptrdiff_t)begin, (ptrdiff_t)n);
        row += n;
        left -= n;
        begin = 0;
        if (piece->joined || ++kx == s->kernel_w) {
            kx = 0;
            ky++;
        }
    }
}

static void gather_task(void *opaque, size_t index, int thread)
{
    const Gather *gather = opaque;
    const GcamConv *conv = gather->conv;
    const GcamConvShape *s = &conv->shape;
    size_t first = index % gather->row_blocks * gather->rows;
    index /= gather->row_blocks;
    size_t column = index % gather->column_blocks * gather->columns;
    index /= gather->column_blocks;
    int g = (int)(index % s->groups), in = s->c / s->groups, out = s->out_c / s->groups;
    size_t line = index / s->groups % gather->lines, image = index / s->groups / gather->lines;
    size_t rows = gcam_min_size(gather->rows, gather->pixels - first);

    const GcamPackedB *b = conv->packed[g];
    const float *x = gather->x + image * s->h * (size_t)conv->x_line + (size_t)(g * in);
    size_t y0 = (image * s->out_h + line) * (size_t)conv->y_line + first * (size_t)s->y_pixel;
    GcamEpilogue ep = gcam_conv_epilogue(conv, gather->add ? gather->add + y0 : NULL, g * out);
    const float *add = ep.add;
    float *y = gather->y + y0 + (size_t)(g * out);
    float *a = gather->scratch + thread * gather->thread_scratch;
    size_t length, pieces = gcam_gemm_k_pieces(b->k, &length), lda = gathered_row(b->k);
    for (size_t i = 0; i < pieces; i++) {
        size_t k0 = i * length, k1 = gcam_min_size(k0 + length, b->k);
        int oy = (int)(line + first / s->out_w), ox = (int)(first % s->out_w);
        Piece piece = make_piece(s, k0, k1);
        for (size_t begin = 0, high; begin < rows; begin += high) {
            high = gcam_min_size(gather->high, rows - begin);
            ep.add = add ? add + begin * (size_t)s->y_pixel : NULL;
            for (size_t r = 0; r < high; r++) {
                gather_row(conv, &piece, x, oy, ox, a + r * lda);
                if (++ox == s->out_w) {
                    ox = 0;
                    oy++;
                }
            }
            gcam_gemm_block(b, high, column, gcam_min_size(column + gather->columns, b->n), k0, k1, a, (ptrdiff_t)lda,
                            y + begin * (size_t)s->y_pixel, s->y_pixel, &ep);
        }
    }
}

static size_t scratch_im2col(const GcamConv *conv, int threads)
{
    Gather gather;
    cut(conv, 1, &gather);
    return gather.thread_scratch * threads;
}

static void forward_im2col(const GcamConv *conv, GcamThreads *pool, const float *x, const float *add, float *y,
                           float *scratch)
{
    Gather gather;
    cut(conv, gcam_threads_count(pool), &gather);
    gather.x = x;
    gather.add = add;
    gather.y = y;
    gather.scratch = scratch;
    gcam_threads_run(pool, gather.row_blocks * gather.column_blocks * conv->shape.groups * gather.lines * conv->shape.n,
                  gather_task, &gather);
}

const GcamConvAlgorithm gcam_conv_im2col = {
    .name = "im2col", .create = create, .scratch = scratch_im2col, .forward = forward_im2col,
};

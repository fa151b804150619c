/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * 3x3 and 5x5 convolution with stride 1 by Winograd's minimal filtering (Lavin and Gray 2015): tiles of the
 * input and the weights are transformed, multiplied as one matrix product per position in the tile, [tiles][c] x
 * [c][out_c], and transformed back. F(4x4,3x3) needs 36 multiplications for 16 outputs where 144 were,
 * F(2x2,3x3) 16 for 4, where 36 were, F(2x2,5x5) 36 for 4, where 100 were.
 *
 * Two ways to go about it. With small weights a thread takes a block of tiles through all three steps, in
 * scratch of its own that stays in its second cache. Large weights, of deep layers with few tiles, would be
 * read again for each block: there each step is done for all tiles at once, by all threads, so that weights
 * pass once.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "algorithm.h"
#include "base/mem.h"
#include "base/sizes.h"
#include "tensor/gemm_block.h"

enum {
    PAD = 16,                   // floats after each row of a matrix: rows do not collide in the caches
    TILES_PER_TASK = 2,         // of a transform, when it is a step of its own
};

#define SMALL_WEIGHTS (3.0 * (1 << 20) / sizeof(float))     // floats, of the transformed weights
#define CHUNK         (12.0 * (1 << 20) / sizeof(float))    // floats, of all matrices of one chunk of tiles

typedef struct Plan {
    const GcamConv *conv;
    int size, tile;             // of the output tile (2, 4) and of the input tile (4, 6)
    int kind;                   // GCAM_WINOGRAD2, GCAM_WINOGRAD4 or GCAM_WINOGRAD2_5X5
    size_t positions;           // tile * tile
    size_t across, down;        // tiles of an image
    size_t tiles;               // of all images
    size_t block;               // tiles taken through at once
    int fused;                  // by one thread
    size_t columns;             // of a product per task, when not fused
    size_t v_row, m_row;        // floats from tile to tile
    size_t v_size, m_size;      // floats of the matrices of a block
    size_t edge_size;           // floats for tiles at the edge, per thread
} Plan;

typedef struct Run {
    Plan plan;
    const float *x, *add;
    float *y;
    float *v, *m, *edge;        // of thread 0 when fused, else v and m of all
    size_t part;                // floats from one thread's edge to the next's, when fused from all three
    size_t first, count;        // tiles of this chunk
} Run;

// --------------------------------------------------------------------------------------------------- weights

// In double, for `n` output channels at once; lines of channels are LANES apart.
enum { LANES = GCAM_GEMM_STEP };

enum { TAPS = 5, TILE = 6 };    // at most, in a row

// G g: a column or row of the filter, `taps` elements, to one of the tile. The point p contributes
// (1, p, p^2, ...) / N(p).
static void filter_to4(size_t n, const double (*g)[LANES], double (*out)[LANES])
{
    for (size_t i = 0; i < n; i++) {
        out[0][i] = g[0][i];
        out[1][i] = (g[0][i] + g[1][i] + g[2][i]) / 2;
        out[2][i] = (g[0][i] - g[1][i] + g[2][i]) / 2;
        out[3][i] = g[2][i];
    }
}

// N(0) = a^2 b^2 = 1, N(a) = 2 a^2 (a^2 - b^2) = -3/2, N(b) = 2 b^2 (b^2 - a^2) = 6. Elements beyond the filter's are
// zero, but the one at infinity is its last.
static void filter_to6(size_t n, int taps, const double (*g)[LANES], double (*out)[LANES])
{
    const double a = M_SQRT1_2, b = M_SQRT2;
    for (size_t i = 0; i < n; i++) {
        double g3 = taps > 3 ? g[3][i] : 0, g4 = taps > 4 ? g[4][i] : 0;
        double even_a = (g[0][i] + g[2][i] / 2 + g4 / 4) * (-2. / 3), odd_a = a * (g[1][i] + g3 / 2) * (-2. / 3);
        double even_b = (g[0][i] + g[2][i] * 2 + g4 * 4) * (1. / 6), odd_b = b * (g[1][i] + g3 * 2) * (1. / 6);
        out[0][i] = g[0][i];
        out[1][i] = even_a + odd_a;
        out[2][i] = even_a - odd_a;
        out[3][i] = even_b + odd_b;
        out[4][i] = even_b - odd_b;
        out[5][i] = g[taps - 1][i];
    }
}

static void filter(size_t n, int tile, int taps, const double (*g)[LANES], double (*out)[LANES])
{
    if (tile == 6)
        filter_to6(n, taps, g, out);
    else
        filter_to4(n, g, out);
}

enum { MOST_POSITIONS = TILE * TILE };

// G g G^T of the filters of input channel i to the output channels from j on: a row of a panel per position.
static void transform(const GcamConv *conv, int tile, const float *weights, const float *scale, size_t i, size_t j,
                      float (*rows)[LANES])
{
    size_t in = (size_t)conv->shape.c, out = (size_t)conv->shape.out_c, width = gcam_packed_b_width(conv->packed[0], j);
    size_t taps = (size_t)conv->shape.kernel_h;
    double g[TAPS][LANES], columns[TAPS][TILE][LANES], across[TAPS][LANES], result[TILE][LANES];
    for (size_t c = 0; c < taps; c++) {
        for (size_t r = 0; r < taps; r++)
            for (size_t o = 0; o < width; o++)
                g[r][o] = j + o >= out ? 0 : (scale ? scale[j + o] : 1.) *
                                             weights[(((j + o) * in + i) * taps + r) * taps + c];
        filter(width, tile, (int)taps, g, columns[c]);
    }
    for (int r = 0; r < tile; r++) {
        for (size_t c = 0; c < taps; c++)
            memcpy(across[c], columns[c][r], width * sizeof(across[c][0]));
        filter(width, tile, (int)taps, across, result);
        for (int c = 0; c < tile; c++)
            for (size_t o = 0; o < width; o++)
                rows[r * tile + c][o] = (float)result[c][o];
    }
}

static int create(GcamConv *conv, const float *weights, const float *scale, int tile)
{
    size_t in = (size_t)conv->shape.c, out = (size_t)conv->shape.out_c;
    float even[MOST_POSITIONS][LANES], odd[MOST_POSITIONS][LANES];
    int error = gcam_conv_packed_create(conv, (size_t)(tile * tile));
    for (size_t p = 0; p < conv->packed_count && !error; p++)
        error = gcam_packed_b_alloc(&conv->packed[p], conv->shape.type, in, out);
    for (size_t j = 0; j < out && !error; j += gcam_packed_b_step(conv->kernels))
        for (size_t i = 0; i < in; i += 2) {
            transform(conv, tile, weights, scale, i, j, even);
            if (i + 1 < in)
                transform(conv, tile, weights, scale, i + 1, j, odd);
            for (size_t p = 0; p < conv->packed_count; p++)
                gcam_packed_b_set_rows(conv->packed[p], i, j, even[p], odd[p]);
        }
    return error;
}

static int create_of4(GcamConv *conv, const float *weights, const float *scale)
{
    return create(conv, weights, scale, 4);
}

static int create_of6(GcamConv *conv, const float *weights, const float *scale)
{
    return create(conv, weights, scale, 6);
}

// ------------------------------------------------------------------------------------------------------ plan

// What OpenBLAS computes depends on how many rows there are: it gets the same for any number of threads.
static Plan make_plan(const GcamConv *conv, int pool)
{
    enum { FEW = 4 };           // tiles of a thread that are too few for one product
    const size_t threads = conv->kernels->panel ? (size_t)pool : 1;
    const GcamConvShape *s = &conv->shape;
    Plan p = { .conv = conv };
    p.kind = s->kernel_h == 5 ? GCAM_WINOGRAD2_5X5 : conv->packed_count == 36 ? GCAM_WINOGRAD4 : GCAM_WINOGRAD2;
    p.size = p.kind == GCAM_WINOGRAD4 ? 4 : 2;
    p.tile = p.size + s->kernel_h - 1;
    p.positions = conv->packed_count;
    p.across = (size_t)(s->out_w + p.size - 1) / p.size;
    p.down = (size_t)(s->out_h + p.size - 1) / p.size;
    p.tiles = p.across * p.down * s->n;
    p.v_row = (size_t)s->c + PAD;
    p.m_row = (size_t)s->out_c + PAD;
    p.edge_size = (size_t)(p.tile * p.tile) * s->c + 2 * (size_t)(p.size * p.size) * s->out_c;

    size_t per_tile = p.positions * (p.v_row + p.m_row), rows = conv->kernels->rows;
    p.fused = (double)p.positions * s->c * s->out_c <= SMALL_WEIGHTS && p.tiles >= FEW * threads;
    if (p.fused) {
        // Equal blocks, as many for each thread.
        size_t most = rows < 10 ? 2 * rows : rows, share = (p.tiles + threads - 1) / threads;
        size_t blocks = (share + most - 1) / most;
        p.block = (share + blocks - 1) / blocks;
    } else {
        // Chunks of equal size, whole rows of register tiles.
        size_t most = (size_t)(CHUNK / (double)per_tile) / rows * rows;
        most = most < rows ? rows : most;
        size_t chunks = (p.tiles + most - 1) / most;
        p.block = ((p.tiles + chunks - 1) / chunks + rows - 1) / rows * rows;
    }
    p.block = gcam_min_size(p.block, p.tiles);
    size_t step = gcam_packed_b_step(conv->kernels);
    p.columns = conv->kernels->panel ? (128 + step - 1) / step * step : 512;
    p.v_size = p.positions * p.block * p.v_row;
    p.m_size = p.positions * p.block * p.m_row;
    return p;
}

static size_t scratch_winograd(const GcamConv *conv, int threads)
{
    Plan p = make_plan(conv, threads);
    return p.fused ? gcam_conv_part(p.v_size + p.m_size + p.edge_size) * threads
                   : p.v_size + p.m_size + p.edge_size * threads;
}

// ------------------------------------------------------------------------------------------------ transforms

// The part of a tile, `size` long from `first` on, that lies in 0..limit-1.
static void visible(ptrdiff_t first, int size, int limit, int *begin, int *end)
{
    *begin = first < 0 ? (int)-first : 0;
    *end = first + size > limit ? (int)(limit - first) : size;
    *begin = *begin > size ? size : *begin;
    *end = *end < *begin ? *begin : *end;
}

// Tile number t to row `slot` of the matrices v.
static void input_tile(const Run *run, size_t t, size_t slot, float *v, float *edge)
{
    const Plan *p = &run->plan;
    const GcamConvShape *s = &p->conv->shape;
    size_t image = t / (p->across * p->down), in_image = t % (p->across * p->down);
    ptrdiff_t y = (ptrdiff_t)(in_image / p->across) * p->size - s->pad_top;
    ptrdiff_t x = (ptrdiff_t)(in_image % p->across) * p->size - s->pad_left;
    ptrdiff_t row = p->conv->x_line, pixel = s->c;
    const float *picture = run->x + image * s->h * row;
    int top, bottom, left, right;
    visible(y, p->tile, s->h, &top, &bottom);
    visible(x, p->tile, s->w, &left, &right);
    const float *in = edge;
    if (bottom - top == p->tile && right - left == p->tile) {
        in = picture + y * row + x * pixel;
    } else {
        memset(edge, 0, (size_t)(p->tile * p->tile) * s->c * sizeof(*edge));
        for (int r = top; r < bottom && left < right; r++)
            memcpy(edge + (r * p->tile + left) * pixel, picture + (y + r) * row + (x + left) * pixel,
                   (size_t)((right - left) * pixel) * sizeof(*edge));
        row = p->tile * pixel;
    }
    p->conv->kernels->winograd_input[p->kind]((size_t)s->c, in, row, pixel, v + slot * p->v_row,
                                              (ptrdiff_t)(p->block * p->v_row));
}

// Of pixels that lie out_pixel and in_pixel apart, rows out_row and in_row.
static void copy_tile(float *out, ptrdiff_t out_row, ptrdiff_t out_pixel, const float *in, ptrdiff_t in_row,
                      ptrdiff_t in_pixel, int rows, int columns, size_t channels)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            memcpy(out + r * out_row + c * out_pixel, in + r * in_row + c * in_pixel, channels * sizeof(*out));
}

// Row `slot` of the matrices m to tile number t of the output.
static void output_tile(const Run *run, size_t t, size_t slot, const float *m, float *edge)
{
    const Plan *p = &run->plan;
    const GcamConv *conv = p->conv;
    const GcamConvShape *s = &conv->shape;
    size_t image = t / (p->across * p->down), in_image = t % (p->across * p->down);
    int y = (int)(in_image / p->across) * p->size, x = (int)(in_image % p->across) * p->size;
    int rows = s->out_h - y, columns = s->out_w - x;
    ptrdiff_t row = conv->y_line, pixel = s->y_pixel, edge_pixel = s->out_c;
    ptrdiff_t edge_row = p->size * edge_pixel;
    size_t offset = (image * s->out_h + y) * row + x * pixel;
    const float *add = run->add ? run->add + offset : NULL;
    GcamWinogradOutput o = {
        .channels = (size_t)s->out_c, .m = m + slot * p->m_row, .position = (ptrdiff_t)(p->block * p->m_row),
        .y_row = row, .finish = gcam_conv_finish(conv, run->add, run->y, offset, 0),
    };
    if (rows >= p->size && columns >= p->size) {
        conv->kernels->winograd_output[p->kind](&o);
        return;
    }
    rows = rows < p->size ? rows : p->size;
    columns = columns < p->size ? columns : p->size;
    o.y_row = edge_row;
    o.finish.y = edge;
    o.finish.y_step = edge_pixel;
    if (add) {
        o.finish.add = edge + p->size * edge_row;
        memset(edge, 0, 2 * (size_t)(p->size * edge_row) * sizeof(*edge));
        copy_tile(edge + p->size * edge_row, edge_row, edge_pixel, add, row, pixel, rows, columns, (size_t)s->out_c);
    }
    conv->kernels->winograd_output[p->kind](&o);
    copy_tile(run->y + offset, row, pixel, edge, edge_row, edge_pixel, rows, columns, (size_t)s->out_c);
}

static void product(const Plan *p, size_t position, size_t first, size_t last, size_t tiles, const float *v,
                    float *m)
{
    static const GcamEpilogue nothing;
    gcam_gemm_rows(p->conv->packed[position], tiles, first, last, v + position * p->block * p->v_row,
                   (ptrdiff_t)p->v_row, m + position * p->block * p->m_row, (ptrdiff_t)p->m_row, &nothing);
}

// ----------------------------------------------------------------------------------------------------- steps

static float *edge_of(const Run *run, int thread)
{
    return run->edge + (size_t)thread * run->part;
}

static void fused_task(void *opaque, size_t index, int thread)
{
    const Run *run = opaque;
    const Plan *p = &run->plan;
    size_t first = index * p->block, count = gcam_min_size(p->block, p->tiles - first);
    float *v = run->v + (size_t)thread * run->part, *m = run->m + (size_t)thread * run->part;
    for (size_t t = 0; t < count; t++)
        input_tile(run, first + t, t, v, edge_of(run, thread));
    for (size_t position = 0; position < p->positions; position++)
        product(p, position, 0, (size_t)p->conv->shape.out_c, count, v, m);
    for (size_t t = 0; t < count; t++)
        output_tile(run, first + t, t, m, edge_of(run, thread));
}

static void input_task(void *opaque, size_t index, int thread)
{
    const Run *run = opaque;
    for (size_t t = index * TILES_PER_TASK; t < (index + 1) * TILES_PER_TASK && t < run->count; t++)
        input_tile(run, run->first + t, t, run->v, edge_of(run, thread));
}

static void product_task(void *opaque, size_t index, int thread)
{
    (void)thread;
    const Run *run = opaque;
    const Plan *p = &run->plan;
    size_t out = (size_t)p->conv->shape.out_c, blocks = (out + p->columns - 1) / p->columns;
    size_t first = index % blocks * p->columns;
    product(p, index / blocks, first, gcam_min_size(first + p->columns, out), run->count, run->v, run->m);
}

static void output_task(void *opaque, size_t index, int thread)
{
    const Run *run = opaque;
    for (size_t t = index * TILES_PER_TASK; t < (index + 1) * TILES_PER_TASK && t < run->count; t++)
        output_tile(run, run->first + t, t, run->m, edge_of(run, thread));
}

static void forward_winograd(const GcamConv *conv, GcamThreads *pool, const float *x, const float *add, float *y,
                             float *scratch)
{
    Run run = { .plan = make_plan(conv, gcam_threads_count(pool)), .x = x, .add = add, .y = y };
    const Plan *p = &run.plan;
    run.v = scratch;
    run.m = run.v + p->v_size;
    run.edge = run.m + p->m_size;
    run.part = p->fused ? gcam_conv_part(p->v_size + p->m_size + p->edge_size) : p->edge_size;
    if (p->fused) {
        gcam_threads_run(pool, (p->tiles + p->block - 1) / p->block, fused_task, &run);
        return;
    }
    size_t blocks = ((size_t)conv->shape.out_c + p->columns - 1) / p->columns;
    for (run.first = 0; run.first < p->tiles; run.first += p->block) {
        run.count = gcam_min_size(p->block, p->tiles - run.first);
        size_t groups = (run.count + TILES_PER_TASK - 1) / TILES_PER_TASK;
        gcam_threads_run(pool, groups, input_task, &run);
        gcam_threads_run(pool, p->positions * blocks, product_task, &run);
        gcam_threads_run(pool, groups, output_task, &run);
    }
}

const GcamConvAlgorithm gcam_conv_winograd2 = {
    .name = "winograd2", .create = create_of4, .scratch = scratch_winograd, .forward = forward_winograd, .tile = 2,
};
const GcamConvAlgorithm gcam_conv_winograd2_5x5 = {
    .name = "winograd2 5x5", .create = create_of6, .scratch = scratch_winograd, .forward = forward_winograd, .tile = 2,
};
const GcamConvAlgorithm gcam_conv_winograd4 = {
    .name = "winograd4", .create = create_of6, .scratch = scratch_winograd, .forward = forward_winograd, .tile = 4,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sums of the target layer's gradient over its cells, from summed weights of the fully connected layer behind it.
 *
 * The summed weights lie as the weights do, [out][channels] or [channels][out], float32 whatever the weights are, so
 * that linear.h multiplies by them. Rows are filled in under a mutex, once; a row that is there never changes, and so
 * is read without it.
 *
 *     layer [1, C, h, w] -- pools, changes of layout --> picture [1, C, H, W] -- flattened --> x [C H W] -- W --> y
 *
 * Flattened in ONNX's order the weights of a channel lie side by side (`cells` of them), flattened from channels last
 * they are `channels` apart (cells_first). A row belongs to an output or, with weights by input, to a channel. Rows of
 * outputs are sums within a row of W, read only where the output has a gradient; rows of channels are sums of whole
 * rows of W, and all of them are needed.
 */
#include "summed_weights.h"

#include "base/mem.h"
#include "tensor/linear.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

enum {
    CHUNK = 1024,               // weights that are converted at a time
    MOST_BYTES = 1 << 22,       // of summed weights that are made here: they are held beside the weights themselves
};

struct GcamSums {
    int step, output;           // the product, and the value that it computes
    GcamRowProduct product;
    size_t channels, cells;     // of the picture that is flattened
    int cells_first;            // it is flattened as [cells][channels]
    size_t rows, columns;       // of the summed weights
    int by_channel;             // a row of them belongs to a channel, not to an output
    const float *weights;
    float *own;                 // the same, where they are made here
    pthread_mutex_t mutex;      // guards what follows
    char *filled;               // by row
    size_t *missing;            // room for all rows
};

// -------------------------------------------------------------------------------------------------- what is in between

// The step before a value, if it has no other input that depends on the layer and nobody else uses the value.
static const GcamStep *step_before(const GcamPlan *plan, const GcamUsers *users, int value)
{
    const GcamStep *step = gcam_private_producer(plan, users, value);
    return step && step->in_head && plan->in_head[step->input[0]] && step->outputs == 1 && step->add < 0 ? step : NULL;
}

static int changes_layout(const GcamStep *step)
{
    return (step->op->flags & GCAM_OP_RELAYOUT) != 0;
}

// Goes back from what the product multiplies to the picture that was flattened. Its value, or -1.
static int flattened(const GcamPlan *plan, const GcamUsers *users, int value, int *cells_first)
{
    const GcamStep *step = step_before(plan, users, value);
    while (step && step->op->flags & GCAM_OP_VIEW) {
        value = step->input[0];
        step = step_before(plan, users, value);
    }
    *cells_first = plan->value[value].channels_last;
    if (step && step->op->order) {
        const int *perm = step->op->order(step->node);
        if (plan->value[step->input[0]].shape.rank != 4 || perm[3] != 1)
            return -1;
        *cells_first = 1;                       // in which order does not matter
        value = step->input[0];
    }
    return plan->value[value].shape.rank == 4 && plan->value[value].shape.dim[0] == 1 ? value : -1;
}

// Whether only steps that keep the sums lie between the layer and a picture. What a [1, H, W, C] layer, whose memory is
// plain, calls its channels is not what pooling calls so.
static int keeps_sums(const GcamPlan *plan, const GcamUsers *users, int value)
{
    while (value != plan->layer) {
        const GcamStep *step = step_before(plan, users, value);
        if (!step || (!changes_layout(step) && !(step->op->keeps_sums && step->op->keeps_sums(step->node))))
            return 0;
        value = step->input[0];
    }
    return plan->value[value].shape.rank == 4 && plan->value[value].channels_last && users->count[value] == 1;
}

static int find_product(const GcamPlan *plan, const GcamUsers *users, GcamSums *sums)
{
    for (int i = 0; i < plan->steps; i++) {
        const GcamStep *step = &plan->step[i];
        int picture;
        if (!step->in_head || !gcam_row_product(step, &sums->product) || !plan->in_head[step->input[0]])
            continue;
        // The first product behind the layer is the only one that can be it.
        if (users->count[step->input[0]] != 1 ||
            (picture = flattened(plan, users, step->input[0], &sums->cells_first)) < 0)
            return 0;
        const GcamShape *shape = &plan->value[picture].shape;
        sums->step = i;
        sums->output = step->output[0];
        sums->channels = shape->dim[1];
        sums->cells = shape->dim[2] * shape->dim[3];
        sums->by_channel = sums->product.by_input;
        sums->rows = sums->by_channel ? sums->channels : sums->product.out;
        sums->columns = sums->by_channel ? sums->product.out : sums->channels;
        return sums->cells > 1 && sums->channels * sums->cells == sums->product.in && keeps_sums(plan, users, picture);
    }
    return 0;
}

// ------------------------------------------------------------------------------------------------------------- summing

static float sum_of(const float *in, size_t n)
{
    float lane[8] = { 0 };
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            lane[j] += in[i + j];
    for (; i < n; i++)
        lane[i % 8] += in[i];
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

static void add_to(float *out, const float *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] += in[i];
}

// Adds n weights, the first of which is weight `first` of its row.
static void add_chunk(const GcamSums *sums, float *row, const float *in, size_t first, size_t n)
{
    size_t period = sums->cells_first ? sums->channels : sums->cells;
    for (size_t i = 0, run; i < n; i += run) {
        size_t at = first + i, left = period - at % period;
        run = left < n - i ? left : n - i;
        if (sums->cells_first)
            add_to(row + at % period, in + i, run);
        else
            row[at / period] += sum_of(in + i, run);
    }
}

// Weights from `at` on, in the order of memory.
static size_t read_chunk(const GcamRowProduct *product, size_t at, size_t end, float *chunk)
{
    size_t n = end - at < CHUNK ? end - at : CHUNK;
    gcam_convert(chunk, (const char *)product->weights + at * gcam_type_size(product->type), product->type, n);
    return n;
}

// Row [channels] of one output: the sums of one row of weights.
static void fill_output(const GcamSums *sums, size_t output, float *row)
{
    float chunk[CHUNK];
    size_t in = sums->product.in;
    for (size_t at = 0, n; at < in; at += n) {
        n = read_chunk(&sums->product, output * in + at, output * in + in, chunk);
        add_chunk(sums, row, chunk, at, n);
    }
}

// Row [out] of one channel: the sum of the rows of weights of its cells.
static void fill_channel(const GcamSums *sums, size_t channel, float *row)
{
    float chunk[CHUNK];
    size_t out = sums->product.out;
    for (size_t cell = 0; cell < sums->cells; cell++) {
        size_t input = sums->cells_first ? cell * sums->channels + channel : channel * sums->cells + cell;
        for (size_t at = 0, n; at < out; at += n) {
            n = read_chunk(&sums->product, input * out + at, input * out + out, chunk);
            add_to(row + at, chunk, n);
        }
    }
}

static void fill_row(void *opaque, size_t index, int thread)
{
    const GcamSums *sums = opaque;
    size_t number = sums->missing[index];
    float *row = sums->own + number * sums->columns;
    (void)thread;
    memset(row, 0, sums->columns * sizeof(*row));
    if (sums->by_channel)
        fill_channel(sums, number, row);
    else
        fill_output(sums, number, row);
}

// Fills in the rows that will be read: those of outputs whose gradient is not zero, or all of them.
static void fill(GcamSums *sums, GcamThreads *pool, const float *dy)
{
    size_t missing = 0;
    if (!sums->own)
        return;
    pthread_mutex_lock(&sums->mutex);
    for (size_t i = 0; i < sums->rows; i++)
        if (!sums->filled[i] && (sums->by_channel || !dy || dy[i] != 0)) {
            sums->missing[missing++] = i;
            sums->filled[i] = 1;
        }
    if (missing)
        gcam_threads_run(pool, missing, fill_row, sums);
    pthread_mutex_unlock(&sums->mutex);
}

void gcam_sums_run(GcamSums *sums, GcamThreads *pool, size_t count, const float *const *dy, float *const *sum)
{
    const GcamRowProduct *product = &sums->product;
    for (size_t i = 0; i < count; i++)
        fill(sums, pool, dy[i]);
    gcam_linear_backward(pool, product->out, sums->channels, sums->weights, GCAM_F32, sums->by_channel, count, dy, NULL,
                         sum);
    for (size_t i = 0; product->alpha != 1 && i < count; i++)
        for (size_t k = 0; k < sums->channels; k++)
            sum[i][k] *= product->alpha;
}

int gcam_sums_value(const GcamSums *sums)
{
    return sums->output;
}

// ------------------------------------------------------------------------------------------------------------ the sums

static int make_room(GcamSums *sums)
{
    sums->weights = sums->own = gcam_alloc(sums->rows, sums->columns * sizeof(*sums->own));
    sums->filled = gcam_calloc(sums->rows, 1);
    sums->missing = gcam_alloc(sums->rows, sizeof(*sums->missing));
    return sums->own && sums->filled && sums->missing ? 0 : -ENOMEM;
}

// Those that the model holds, if they are for this layer and product.
static int find_stored(GcamSums *sums, const GcamPlan *plan, const GcamStoredSums *stored)
{
    if (!stored->weights || strcmp(stored->layer, plan->value[plan->layer].name) ||
        stored->rows != sums->product.out || stored->columns != sums->channels)
        return 0;
    sums->by_channel = 0;
    sums->rows = stored->rows;
    sums->columns = stored->columns;
    sums->weights = stored->weights;
    return 1;
}

// NULL, with 0, where there is no product.
static int create(GcamSums **out, const GcamPlan *plan, const GcamUsers *users)
{
    GcamSums *sums = *out = gcam_calloc(1, sizeof(*sums));
    if (!sums)
        return -ENOMEM;
    if (!find_product(plan, users, sums) || pthread_mutex_init(&sums->mutex, NULL)) {
        gcam_free(sums);
        *out = NULL;
    }
    return 0;
}

int gcam_sums_create(GcamSums **out, const GcamPlan *plan, const GcamStoredSums *stored, const GcamUsers *users)
{
    *out = NULL;
    // A gradient that no picture changes is kept, and then there is nothing to run at all; where it is wanted further
    // down too, sums save nothing.
    int error = plan->constant_gradient || plan->layers > 1 ? 0 : create(out, plan, users);
    if (error || !*out || find_stored(*out, plan, stored))
        return error;
    if ((*out)->rows * (*out)->columns * sizeof(float) > MOST_BYTES)
        gcam_sums_free(out);
    else if ((error = make_room(*out)))
        gcam_sums_free(out);
    return error;
}

int gcam_sums_compute(GcamPlan *plan, float **weights, size_t *out, size_t *channels)
{
    GcamUsers users;
    GcamSums *sums = NULL;
    *weights = NULL;
    if (plan->constant_gradient)
        return 0;
    int error = gcam_users_count(&users, plan);
    if (error || (error = create(&sums, plan, &users)) || !sums || (error = make_room(sums)))
        goto end;
    fill(sums, NULL, NULL);
    *out = sums->product.out;
    *channels = sums->channels;
    *weights = gcam_alloc(sums->rows, sums->columns * sizeof(**weights));
    for (size_t o = 0; *weights && o < *out; o++)
        for (size_t k = 0; k < *channels; k++)
            (*weights)[o * *channels + k] = sums->own[sums->by_channel ? k * *out + o : o * *channels + k];
    error = *weights ? 0 : -ENOMEM;
end:
    gcam_sums_free(&sums);
    return error;
}

void gcam_sums_free(GcamSums **sums)
{
    if (!*sums)
        return;
    pthread_mutex_destroy(&(*sums)->mutex);
    gcam_free((*sums)->own);
    gcam_free((*sums)->filled);
    gcam_free((*sums)->missing);
    gcam_free(*sums);
    *sums = NULL;
}

int gcam_sums_step(const GcamSums *sums)
{
    return sums->step;
}

double gcam_sums_bytes(const GcamSums *sums)
{
    return 4.0 * (double)sums->rows * (double)sums->columns;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a graph tells of the pixels that it was trained with.
 *
 *     picture x -> Sub, Div, Mul, Add, Transpose ... -> z = factor x + number -> Conv -> BatchNormalization
 *                  constants                                                     statistics of conv(z)
 *
 * Pictures of the world are much alike: the mean of their pixels and how far they spread is known, and each preset
 * makes something else of them. Constants at the input are there to bring one usual range to another: the preset is
 * the one for which z is what some preset makes of pixels.
 *
 * BatchNormalization keeps mean and variance of what it saw in training (Ioffe and Szegedy 2015, section 3.1). Behind a
 * convolution w with bias b that is, in output channel o,
 *
 *     mean_o = b_o + sum_c (sum_p w_ocp) mean z_c         three unknowns, as many equations as o: least squares
 *     var_o = std^2 sum_cp sum_dq w_ocp w_odq r_cd r_pq   r: correlations of colours and of places
 *
 * Neighbouring pixels of photographs are alike, the less the further apart they are (Ruderman 1994): r_pq is taken as
 * exp(-distance / 20), colours as 0.93; the median over o of what std comes to is within a fifth where presets are a
 * factor of two apart. Statistics that do not fit a picture at all tell nothing: of weights that were never trained, or
 * whose statistics were reset.
 */
#include "preprocessing.h"

#include "base/mem.h"
#include "ops/ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_STEPS = 16, MOST_FILTERS = 128, LEAST_FILTERS = 8, MOST_TAPS = 121 };

#define COLOURS 0.93                // correlation of two colours of a pixel
#define REACH 20.0                  // pixels within which it falls to 1 / e
#define SAME 0.25                   // distance (below) up to which constants make a preset's pixels
#define NEAR 0.40                   // the same of statistics, whose presets are 0.7 and more apart
#define CLEAR 0.20                  // by how much the next preset is to be worse

// How the pixels of photographs lie in a network's input, by channel.
typedef struct Pixels {
    int channels;
    double mean[3], std[3];
} Pixels;

// Of ImageNet: 0.485, 0.456, 0.406 is its mean. The spread is that of all pixels, which is more than the 0.226 that is
// the mean of each picture's.
static Pixels preset_pixels(int preset, int bgr, int channels)
{
    static const double mean[3] = { 123.675, 116.28, 103.53 };
    const GradcamPreprocessing p = gcam_preset_in_order(preset, bgr);
    Pixels x = { channels, { 0 }, { 0 } };
    for (int c = 0; c < channels; c++) {
        double m = channels == 1 ? 117 : mean[bgr ? 2 - c : c];
        x.mean[c] = (m - (double)p.mean[c]) / (double)p.std[c];
        x.std[c] = 71 / (double)p.std[c];
    }
    return x;
}

// 0 where they are the same; 1 where means differ by the spread, or spreads by a factor of e.
static double distance(const Pixels *a, const Pixels *b)
{
    double means = 0, spreads = 0;
    for (int c = 0; c < a->channels; c++) {
        double mean = (a->mean[c] - b->mean[c]) / b->std[c], spread = log(a->std[c] / b->std[c]);
        means += mean * mean / a->channels;
        spreads += spread * spread / a->channels;
    }
    return sqrt(means) + sqrt(spreads);
}

// Presets are of three channels, or of one: grey has no colours to subtract. Caffe's order is B, G, R.
static int is_possible(int preset, int bgr, int channels)
{
    if (channels == 1)
        return !bgr && preset != GCAM_PRESET_TORCHVISION && preset != GCAM_PRESET_CAFFE;
    return preset != GCAM_PRESET_CAFFE || bgr;
}

// ----------------------------------------------------------------------------------------------- the graph's beginning

typedef struct Begin {
    const GcamGraph *graph;
    int value;                  // what the constants have made of the picture
    int axis, channels;         // where its channels are, and how many
    double factor[3], number[3];        // by channel
    const GcamNode *first;      // of those with constants, or NULL
    const GcamNode *next;       // that does something else with it, or NULL
} Begin;

// The only node that reads a value; NULL: there are several, or none.
static const GcamNode *only_user(const GcamGraph *graph, int value)
{
    const GcamNode *user = NULL;
    for (int i = 0; i < graph->nodes; i++)
        for (int k = 0; k < graph->node[i].inputs; k++)
            if (graph->node[i].input[k] == value) {
                if (user)
                    return NULL;
                user = &graph->node[i];
            }
    return user;
}

// Reads a constant with one element, or one for each channel: at the axis, or as a list. 0 or -1.
static int read_constant(const Begin *begin, int index, int is_list, double out[3])
{
    const GcamValue *value = index < 0 ? NULL : &begin->graph->value[index];
    const GcamValue *with = &begin->graph->value[begin->value];
    if (!value || !value->data)
        return -1;
    size_t count = gcam_shape_count(&value->shape);
    int axis = begin->axis - (with->shape.rank - value->shape.rank);
    int is_each = axis >= 0 && axis < value->shape.rank && value->shape.dim[axis] == (size_t)begin->channels;
    is_each |= is_list && value->shape.rank == 1;
    if (count != 1 && (count != (size_t)begin->channels || !is_each))
        return -1;
    for (int c = 0; c < begin->channels; c++) {
        out[c] = gcam_constant_double(value, count == 1 ? 0 : (size_t)c);
        if (!isfinite(out[c]))
            return -1;
    }
    return 0;
}

static int take_arithmetic(Begin *begin, const GcamNode *node)
{
    const int second = node->inputs == 2 && node->input[0] == begin->value;
    double c[3];
    if (node->inputs != 2 || read_constant(begin, node->input[second], 0, c) < 0)
        return 0;
    for (int i = 0; i < begin->channels; i++) {
        double factor = 1, number = 0;
        switch (node->op->symbol) {
        case GCAM_SYMBOL_ADD: number = c[i]; break;
        case GCAM_SYMBOL_SUB: number = second ? -c[i] : c[i]; factor = second ? 1 : -1; break;
        case GCAM_SYMBOL_MUL: factor = c[i]; break;
        case GCAM_SYMBOL_DIV: factor = second && c[i] != 0 ? 1 / c[i] : NAN; break;
        default: return 0;
        }
        begin->factor[i] *= factor;
        begin->number[i] = begin->number[i] * factor + number;
        if (!isfinite(begin->factor[i]) || begin->factor[i] == 0)
            return 0;
    }
    begin->first = begin->first ? begin->first : node;
    return 1;
}

static int is_batch_norm(const GcamNode *node)
{
    return node && !strcmp(node->type, "BatchNormalization") && node->inputs == 5;
}

// At the input it may be a scaling that somebody wrote so, and it brings what it was trained on to mean 0 and std 1.
static int take_batch_norm(Begin *begin, const GcamNode *node)
{
    const double epsilon = (double)gcam_node_float(node, "epsilon", 1e-5f);
    double scale[3], number[3], mean[3], variance[3];
    if (begin->axis != 1 ||
        read_constant(begin, node->input[1], 1, scale) || read_constant(begin, node->input[2], 1, number) ||
        read_constant(begin, node->input[3], 1, mean) || read_constant(begin, node->input[4], 1, variance))
        return 0;
    for (int c = 0; c < begin->channels; c++) {
        const double factor = scale[c] / sqrt(variance[c] + epsilon);
        if (!isfinite(factor) || factor == 0)
            return 0;
        begin->factor[c] *= factor;
        begin->number[c] = (begin->number[c] - mean[c]) * factor + number[c];
    }
    begin->first = begin->first ? begin->first : node;
    return 1;
}

// What changes the order of dimensions, or puts some of one element before them.
static int take_view(Begin *begin, const GcamNode *node)
{
    const GcamShape *from = &begin->graph->value[begin->value].shape, *to = &begin->graph->value[node->output[0]].shape;
    if (!strcmp(node->type, "Transpose")) {
        const GcamAttribute *perm = gcam_node_attribute(node, "perm");
        int axis = from->rank - 1 - begin->axis;
        for (int i = 0; perm && i < to->rank && i < (int)perm->int_count; i++)
            if (perm->ints[i] == begin->axis)
                axis = i;
        begin->axis = axis;
        return 1;
    }
    int a = 0, b = 0;
    while (a < from->rank && from->dim[a] == 1)
        a++;
    while (b < to->rank && to->dim[b] == 1)
        b++;
    if (from->rank - a != to->rank - b || memcmp(from->dim + a, to->dim + b, (size_t)(to->rank - b) * sizeof(*to->dim)))
        return 0;
    begin->axis += to->rank - from->rank;
    return begin->axis >= 0;
}

static int is_view(const GcamNode *node)
{
    return (node->op->flags & (GCAM_OP_VIEW | GCAM_OP_RELAYOUT)) || !strcmp(node->type, "Transpose");
}

// Walks over what does the same to all pixels of a channel, over BatchNormalization where that is asked for.
static Begin walk(const GcamGraph *graph, const GcamInputs *inputs, int norms)
{
    const int is_last = inputs->picture.layout[strlen(inputs->picture.layout) - 1] == 'C';
    Begin begin = { .graph = graph, .value = inputs->picture_value, .channels = inputs->picture.channels,
                    .axis = is_last ? 3 : 1, .factor = { 1, 1, 1 } };
    for (int i = 0; i < MOST_STEPS; i++) {
        const GcamNode *node = only_user(graph, begin.value);
        if (!node || node->outputs != 1 || node->output[0] < 0)
            return begin;
        const Begin before = begin;
        if (!(is_view(node) ? take_view(&begin, node) : is_batch_norm(node) ? norms && take_batch_norm(&begin, node)
                            : take_arithmetic(&begin, node))) {
            begin = before;
            begin.next = node;
            return begin;
        }
        begin.value = node->output[0];
    }
    return begin;
}

// ----------------------------------------------------------------------------------------------------------- constants

int gcam_clue_constants(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs)
{
    double best = SAME;
    int preset = -1, order = 0;
    if (inputs->picture.frames > 1)
        return 0;
    const Begin begin = walk(graph, inputs, 1);
    if (!begin.first)
        return 0;
    for (int i = 0; i < 2 * GCAM_PRESETS; i++) {
        const int p = i / 2, bgr = i % 2;
        if (!is_possible(p, bgr, begin.channels))
            continue;
        Pixels z = preset_pixels(p, bgr, begin.channels);
        for (int c = 0; c < z.channels; c++) {
            z.mean[c] = begin.factor[c] * z.mean[c] + begin.number[c];
            z.std[c] *= fabs(begin.factor[c]);
        }
        // What comes out is any preset's, in the same order: Caffe's numbers are subtracted from R, G, B too.
        for (int q = 0; q < GCAM_PRESETS; q++) {
            const Pixels usual = preset_pixels(q, bgr, begin.channels);
            const double d = q == p || (begin.channels == 1 && !is_possible(q, 0, 1)) ? INFINITY : distance(&z, &usual);
            if (d < best) {
                best = d;
                preset = p;
                order = bgr;
            }
        }
    }
    return preset >= 0 && gcam_clue_preset(found, preset, order, "node '%.60s' (%s) at the input goes on from there",
                                           begin.first->name, begin.first->type);
}

// ---------------------------------------------------------------------------------------------------------- statistics

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// The variance of a filter's output over that of its input, by the correlations above. weights: C, rows, columns.
static double filter_gain(const double *weights, int channels, int rows, int columns)
{
    const int taps = rows * columns;
    double sum = 0;
    for (int p = 0; p < taps; p++)
        for (int q = 0; q < taps; q++) {
            double a = 0, b = 0, both = 0;
            for (int c = 0; c < channels; c++) {
                a += weights[c * taps + p];
                b += weights[c * taps + q];
                both += weights[c * taps + p] * weights[c * taps + q];
            }
            const double far = hypot(p / columns - q / columns, p % columns - q % columns);
            sum += exp(-far / REACH) * (COLOURS * a * b + (1 - COLOURS) * both);
        }
    return sum;
}

// Solves a x = b for a symmetric a of n x n. -1: it has no clear solution.
static int solve(int n, double a[3][3], double b[3], double x[3])
{
    for (int i = 0; i < n; i++) {
        if (!(a[i][i] > 1e-9))
            return -1;
        for (int k = i + 1; k < n; k++) {
            const double f = a[k][i] / a[i][i];
            for (int j = i; j < n; j++)
                a[k][j] -= f * a[i][j];
            b[k] -= f * b[i];
        }
    }
    for (int i = n - 1; i >= 0; i--) {
        x[i] = b[i];
        for (int j = i + 1; j < n; j++)
            x[i] -= a[i][j] * x[j];
        x[i] /= a[i][i];
    }
    return 0;
}

// What a convolution's filters and the statistics behind it tell, filter by filter.
typedef struct Filters {
    int count, channels;
    double sum[MOST_FILTERS][3];        // of the weights of each channel
    double gain[MOST_FILTERS];          // by filter_gain()
    double mean[MOST_FILTERS], std[MOST_FILTERS];       // kept in training, without the bias
} Filters;

// The means of z by least squares, each filter weighted by 1 / std; the spread of z, as the median. 0, or -1: they do
// not tell.
static int fit(const Filters *f, Pixels *z)
{
    double a[3][3] = { { 0 } }, b[3] = { 0 }, ratio[MOST_FILTERS], rest = 0, strongest = 0;
    int ratios = 0, are_new = 1;
    for (int o = 0; o < f->count; o++) {
        strongest = fmax(strongest, f->gain[o]);
        are_new &= f->mean[o] == 0;
        for (int c = 0; c < f->channels; c++) {
            b[c] += f->sum[o][c] * f->mean[o] / (f->std[o] * f->std[o]);
            for (int d = 0; d < f->channels; d++)
                a[c][d] += f->sum[o][c] * f->sum[o][d] / (f->std[o] * f->std[o]);
        }
    }
    z->channels = f->channels;
    if (are_new || solve(f->channels, a, b, z->mean))
        return -1;
    for (int o = 0; o < f->count; o++) {
        double y = f->mean[o];
        for (int c = 0; c < f->channels; c++)
            y -= f->sum[o][c] * z->mean[c];
        rest += y * y / (f->std[o] * f->std[o]) / f->count;
        if (f->gain[o] > 1e-6 * strongest)      // the others are dead
            ratio[ratios++] = f->std[o] / sqrt(f->gain[o]);
    }
    if (ratios < LEAST_FILTERS || !(sqrt(rest) < 0.15))
        return -1;
    qsort(ratio, (size_t)ratios, sizeof(*ratio), compare);
    if (ratio[3 * ratios / 4] > 2.5 * ratio[ratios / 4])
        return -1;
    for (int c = 0; c < f->channels; c++)
        z->std[c] = ratio[ratios / 2];
    return 0;
}

// Mean and variance that BatchNormalization holds, `count` of each. NULL where they are not constants.
static const GcamValue *kept(const GcamGraph *graph, const GcamNode *bn, int input, size_t count)
{
    const GcamValue *value = bn && bn->inputs == 5 && bn->input[input] >= 0 ? &graph->value[bn->input[input]] : NULL;
    return value && value->data && gcam_shape_count(&value->shape) == count ? value : NULL;
}

static int read_filters(const Begin *begin, const GcamNode *conv, const GcamNode *bn, Filters *f)
{
    const GcamGraph *graph = begin->graph;
    const GcamValue *w = conv->input[1] >= 0 ? &graph->value[conv->input[1]] : NULL;
    if (!w || !w->data || w->shape.rank != 4 || w->shape.dim[1] != (size_t)begin->channels || begin->axis != 1)
        return -1;
    const size_t taps = w->shape.dim[2] * w->shape.dim[3], each = taps * w->shape.dim[1];
    const GcamValue *bias = conv->inputs > 2 && conv->input[2] >= 0 ? &graph->value[conv->input[2]] : NULL;
    const GcamValue *mean = kept(graph, bn, 3, w->shape.dim[0]), *variance = kept(graph, bn, 4, w->shape.dim[0]);
    double weights[3 * MOST_TAPS];
    if (!mean || !variance || !taps || taps > MOST_TAPS || (bias && !bias->data))
        return -1;
    f->channels = begin->channels;
    for (size_t o = 0; o < w->shape.dim[0] && f->count < MOST_FILTERS; o++) {
        const double v = gcam_constant_double(variance, o);
        double *sum = f->sum[f->count];
        memset(sum, 0, sizeof(f->sum[0]));
        for (size_t i = 0; i < each; i++) {
            weights[i] = gcam_constant_double(w, o * each + i);
            sum[i / taps] += weights[i];
        }
        f->gain[f->count] = filter_gain(weights, f->channels, (int)w->shape.dim[2], (int)w->shape.dim[3]);
        f->mean[f->count] = gcam_constant_double(mean, o) - (bias ? gcam_constant_double(bias, o) : 0);
        f->std[f->count] = sqrt(v);
        if (isfinite(f->gain[f->count]) && isfinite(f->mean[f->count]) && isfinite(v) && v > 1e-12)
            f->count++;
    }
    return f->count >= LEAST_FILTERS ? 0 : -1;
}

// The preset whose pixels lie as z does; -1: none, or more than one.
static int nearest_preset(const Pixels *z, int *bgr)
{
    double best[GCAM_PRESETS];
    int order[GCAM_PRESETS] = { 0 }, found = 0;
    for (int p = 0; p < GCAM_PRESETS; p++) {
        best[p] = INFINITY;
        for (int o = 0; o < 2; o++) {
            const Pixels x = preset_pixels(p, o, z->channels);
            // The mean of colours tells their order where it is clear.
            const double d = is_possible(p, o, z->channels) ? distance(z, &x) : INFINITY;
            if (d < best[p] - (o ? 0.1 : 0)) {
                best[p] = d;
                order[p] = o;
            }
        }
        found = best[p] < best[found] ? p : found;
    }
    for (int p = 0; p < GCAM_PRESETS; p++)
        if (p != found && best[p] < best[found] + CLEAR)
            return -1;
    *bgr = order[found];
    return best[found] < NEAR ? found : -1;
}

int gcam_clue_statistics(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs)
{
    Pixels z = { .channels = inputs->picture.channels };
    int bgr, error = -1;
    if (inputs->picture.frames > 1)
        return 0;
    const Begin begin = walk(graph, inputs, 0);
    const GcamNode *bn = begin.next;
    const size_t channels = (size_t)z.channels;
    if (is_batch_norm(bn) && begin.axis == 1 && kept(graph, bn, 3, channels) && kept(graph, bn, 4, channels)) {
        for (int c = 0; c < z.channels; c++) {
            z.mean[c] = gcam_constant_double(kept(graph, bn, 3, channels), (size_t)c);
            z.std[c] = sqrt(gcam_constant_double(kept(graph, bn, 4, channels), (size_t)c));
            error = z.mean[c] != 0 ? 0 : error;         // else it never saw anything
        }
    } else if (bn && !strcmp(bn->type, "Conv") && gcam_node_int(bn, "group", 1) == 1) {
        const GcamNode *conv = bn;
        Filters *filters = gcam_calloc(1, sizeof(*filters));
        bn = only_user(graph, conv->output[0]);
        if (filters && is_batch_norm(bn) && !read_filters(&begin, conv, bn, filters))
            error = fit(filters, &z);
        gcam_free(filters);
    }
    for (int c = 0; c < z.channels && !error; c++) {
        z.mean[c] = (z.mean[c] - begin.number[c]) / begin.factor[c];
        z.std[c] /= fabs(begin.factor[c]);
        if (!isfinite(z.mean[c]) || !(z.std[c] > 0) || !isfinite(z.std[c]))
            error = -1;
    }
    const int preset = error ? -1 : nearest_preset(&z, &bgr);
    return preset >= 0 && gcam_clue_preset(found, preset, bgr, "by what training left in BatchNormalization '%.60s'",
                                           bn->name);
}

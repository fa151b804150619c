/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Resize and Upsample: each dimension by a small matrix of its own, one after the other from the last to the first,
 *
 *     y[.., o, ..] = sum over i of w[o, i] x[.., i, ..]        dx[.., i, ..] = sum over o of w[o, i] dy[.., o, ..]
 *
 * A row w[o] has the taps of place c(o) in x: one (nearest), two (linear) or four (cubic; Keys 1981), and more where an
 * antialiased picture becomes smaller. coordinate_transformation_mode says what c(o) is. Rows and columns of the matrix
 * are both kept, so that backward is the same loop with the other list. Of tf_crop_and_resize, places outside of x are
 * rows without taps, filled with extrapolation_value.
 *
 * Places are computed in float, as ONNX Runtime does, so that those that lie just at a border fall on its side.
 */
#include "ops.h"

#include "base/sizes.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define LONGEST 32768           // of a dimension that is resized

// For each place of a result: what it reads, at first[place] .. first[place + 1].
typedef struct Taps {
    size_t *first;
    size_t *from;
    float *weight;
} Taps;

typedef struct Axis {
    size_t in, out;             // alike where a dimension stays as it is; there are no taps then
    Taps forward, backward;
} Axis;

typedef struct Params {
    int rank;
    Axis axis[GCAM_MAX_RANK];
    int nearest;
    int crops;                  // rows without taps are filled
    float fill;
} Params;

enum Mode { NEAREST, LINEAR, CUBIC };
static const char *const mode_names[] = { "nearest", "linear", "cubic" };

enum Place { HALF_PIXEL, HALF_PIXEL_SYMMETRIC, PYTORCH_HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC, TF_HALF_PIXEL_FOR_NN,
             TF_CROP_AND_RESIZE };
static const char *const place_names[] = { "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                                           "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize" };

enum Rounding { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, FLOOR, CEIL };
static const char *const rounding_names[] = { "round_prefer_floor", "round_prefer_ceil", "floor", "ceil" };

enum Policy { STRETCH, NOT_LARGER, NOT_SMALLER };
static const char *const policy_names[] = { "stretch", "not_larger", "not_smaller" };

// What the node says.
typedef struct Rule {
    int mode, place, rounding, policy;
    int antialias, exclude_outside;
    float cubic;
    int older;                  // Upsample, and Resize of opset 10
} Rule;

// One dimension of it.
typedef struct Line {
    size_t in, out;
    float scale, start, end;
} Line;

// ------------------------------------------------------------------------------------------------- places and weights

static float place_of(const Rule *rule, const Line *line, size_t o)
{
    const float in = (float)line->in, out = (float)line->out, at = (float)o;
    switch (rule->place) {
    case ALIGN_CORNERS:
        return line->out == 1 ? 0 : at * (in - 1) / (out - 1);
    case ASYMMETRIC:
        return at / line->scale;
    case TF_HALF_PIXEL_FOR_NN:
        return (at + 0.5f) / line->scale;
    case TF_CROP_AND_RESIZE:
        return line->out == 1 ? 0.5f * (line->start + line->end) * (in - 1)
                              : line->start * (in - 1) + at * (line->end - line->start) * (in - 1) / (out - 1);
    case HALF_PIXEL_SYMMETRIC:
        return in / 2 * (1 - out / (line->scale * in)) + (at + 0.5f) / line->scale - 0.5f;
    case PYTORCH_HALF_PIXEL:
        return line->out == 1 ? 0 : (at + 0.5f) / line->scale - 0.5f;
    default:
        return (at + 0.5f) / line->scale - 0.5f;
    }
}

static double nearest_to(const Rule *rule, const Line *line, float at)
{
    if (rule->older)
        return line->scale < 1 ? ceilf(at) : floorf(at);
    switch (rule->rounding) {
    case ROUND_PREFER_FLOOR:
        return ceilf(at - 0.5f);
    case ROUND_PREFER_CEIL:
        return floorf(at + 0.5f);
    case FLOOR:
        return floorf(at);
    default:
        return ceilf(at);
    }
}

// The weight of a neighbour at a distance of d >= 0.
static double kernel(const Rule *rule, double d)
{
    const double a = rule->cubic;
    if (rule->mode == LINEAR)
        return d < 1 ? 1 - d : 0;
    return d < 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static size_t clamp(double i, size_t size)
{
    return i < 0 ? 0 : i >= (double)size ? size - 1 : (size_t)i;
}

// Adds a tap, or to one of the same place, which is the last one where there is any. Returns how many there are.
static size_t add_tap(size_t *from, double *weight, size_t count, size_t at, double w)
{
    if (count && from[count - 1] == at) {
        weight[count - 1] += w;
        return count;
    }
    from[count] = at;
    weight[count] = w;
    return count + 1;
}

static double stretch_of(const Rule *rule, const Line *line)
{
    return rule->antialias && line->scale < 1 ? line->scale : 1;
}

// Neighbours on one side that a row may read at most.
static double radius_of(const Rule *rule, const Line *line)
{
    return ceil((rule->mode == CUBIC ? 2 : 1) / stretch_of(rule, line));
}

// The taps of place o, at most 2 * radius + 1 of them and in order: how many.
static size_t row_taps(const Rule *rule, const Line *line, size_t o, size_t *from, double *weight)
{
    const float at = place_of(rule, line, o);
    const double stretch = stretch_of(rule, line), radius = radius_of(rule, line), size = (double)line->in;
    size_t count = 0;
    double sum = 0;
    if (rule->place == TF_CROP_AND_RESIZE && !(at >= 0 && at <= (float)(line->in - 1)))
        return 0;
    if (rule->mode == NEAREST)
        return add_tap(from, weight, 0, clamp(nearest_to(rule, line, at), line->in), 1);
    for (double i = floor(at) - radius; i <= floor(at) + radius; i++) {
        double w = kernel(rule, fabs(i - at) * stretch);
        if (w == 0 || (rule->exclude_outside && (i < 0 || i >= size)))
            continue;
        count = add_tap(from, weight, count, clamp(i, line->in), w);
        sum += w;
    }
    for (size_t k = 0; k < count; k++)
        weight[k] /= sum;
    return count;
}

// ----------------------------------------------------------------------------------------------------------- matrices

static int alloc_taps(const GcamInfer *infer, Taps *taps, size_t places, size_t count)
{
    taps->first = gcam_infer_alloc(infer, (places + 1) * sizeof(*taps->first));
    taps->from = gcam_infer_alloc(infer, (count + 1) * sizeof(*taps->from));
    taps->weight = gcam_infer_alloc(infer, (count + 1) * sizeof(*taps->weight));
    return taps->first && taps->from && taps->weight ? 0 : -ENOMEM;
}

// The taps by place of x of those by place of y, in order of y.
static int transpose(const GcamInfer *infer, Axis *axis)
{
    const Taps *there = &axis->forward;
    const size_t count = there->first[axis->out];
    Taps *back = &axis->backward;
    int error = alloc_taps(infer, back, axis->in, count);
    if (error)
        return error;
    for (size_t k = 0; k < count; k++)
        back->first[there->from[k] + 1]++;
    for (size_t i = 0; i < axis->in; i++)
        back->first[i + 1] += back->first[i];
    // first[i] moves on while its list is filled, to where the next one begins.
    for (size_t o = 0; o < axis->out; o++)
        for (size_t k = there->first[o]; k < there->first[o + 1]; k++) {
            size_t to = back->first[there->from[k]]++;
            back->from[to] = o;
            back->weight[to] = there->weight[k];
        }
    memmove(back->first + 1, back->first, axis->in * sizeof(*back->first));
    back->first[0] = 0;
    return 0;
}

static int make_axis(const GcamInfer *infer, const Rule *rule, const Line *line, Axis *axis)
{
    const size_t most = rule->mode == NEAREST ? 1 : 2 * (size_t)radius_of(rule, line) + 1;
    Taps *taps = &axis->forward;
    if (line->in > LONGEST || line->out > LONGEST || most > 2 * LONGEST)
        return gcam_infer_unsupported(infer, "resizes a dimension of %zu to %zu", line->in, line->out);
    size_t *from = gcam_infer_alloc(infer, most * sizeof(*from)), total = 0;
    double *weight = gcam_infer_alloc(infer, most * sizeof(*weight));
    if (!from || !weight)
        return -ENOMEM;
    for (size_t o = 0; o < line->out; o++)
        total += row_taps(rule, line, o, from, weight);
    int error = alloc_taps(infer, taps, line->out, total);
    for (size_t o = 0; !error && o < line->out; o++) {
        const size_t count = row_taps(rule, line, o, from, weight), first = taps->first[o];
        for (size_t k = 0; k < count; k++) {
            taps->from[first + k] = from[k];
            taps->weight[first + k] = (float)weight[k];
        }
        taps->first[o + 1] = first + count;
    }
    return error ? error : transpose(infer, axis);
}

// ----------------------------------------------------------------------------------------------------- shape inference

static int read_rule(const GcamInfer *infer, Rule *rule)
{
    const int older = infer->node->op->data || infer->graph->opset < 11;
    const char *mode = gcam_node_string(infer->node, "mode", "nearest");
    *rule = (Rule){
        .mode = older && !strcmp(mode, "bilinear") ? LINEAR : GCAM_INFER_NAME(infer, "mode", "nearest", mode_names),
        .place = older ? ASYMMETRIC
                       : GCAM_INFER_NAME(infer, "coordinate_transformation_mode", "half_pixel", place_names),
        .rounding = GCAM_INFER_NAME(infer, "nearest_mode", "round_prefer_floor", rounding_names),
        .policy = GCAM_INFER_NAME(infer, "keep_aspect_ratio_policy", "stretch", policy_names),
        .antialias = gcam_node_int(infer->node, "antialias", 0) != 0,
        .exclude_outside = gcam_node_int(infer->node, "exclude_outside", 0) != 0,
        .cubic = gcam_node_float(infer->node, "cubic_coeff_a", -0.75f), .older = older,
    };
    return rule->mode < 0 ? rule->mode : rule->place < 0 ? rule->place : rule->rounding < 0 ? rule->rounding
         : rule->policy < 0 ? rule->policy : 0;
}

// A constant input with something in it, or NULL.
static int find_constant(const GcamInfer *infer, int input, const GcamValue **value)
{
    *value = gcam_infer_input(infer, input);
    if (*value && !(*value)->data && gcam_shape_count(&(*value)->shape))
        return gcam_infer_unsupported(infer, "'%s' depends on the picture", (*value)->name);
    if (*value && !gcam_shape_count(&(*value)->shape))
        *value = NULL;
    return 0;
}

// The dimensions that scales, sizes and roi speak of.
static int find_axes(const GcamInfer *infer, int rank, int64_t axes[GCAM_MAX_RANK])
{
    int n = gcam_infer_ints(infer, "axes", -1, axes), seen = 0;
    if (n == -ENOENT)
        for (n = 0; n < rank; n++)
            axes[n] = n;
    for (int i = 0; i < n; i++) {
        int axis = gcam_infer_axis(infer, axes[i], rank);
        if (axis < 0)
            return axis;
        if (seen & 1 << axis)
            return gcam_infer_bad(infer, "axis %d twice", axis);
        seen |= 1 << axis;
        axes[i] = axis;
    }
    return n;
}

static int by_scale(const GcamInfer *infer, Line *line, double scale)
{
    const float out = floorf((float)line->in * (float)scale);
    if (!(scale > 0) || !(out >= 1) || out > (float)LONGEST)
        return gcam_infer_bad(infer, "a scale of %g for a dimension of %zu", scale, line->in);
    line->scale = (float)scale;
    line->out = (size_t)out;
    return 0;
}

static int by_sizes(const GcamInfer *infer, const Rule *rule, const GcamValue *sizes, int count, const int64_t *axes,
                    Line *lines)
{
    double all = 0;
    for (int i = 0; i < count; i++) {
        Line *line = &lines[axes[i]];
        const int64_t size = gcam_constant_int(sizes, (size_t)i);
        if (size < 1 || size > LONGEST)
            return gcam_infer_bad(infer, "a size of %lld", (long long)size);
        line->out = (size_t)size;
        const double scale = (double)size / (double)line->in;
        all = i == 0 || (rule->policy == NOT_LARGER ? scale < all : scale > all) ? scale : all;
    }
    for (int i = 0; i < count; i++) {
        Line *line = &lines[axes[i]];
        line->scale = (float)line->out / (float)line->in;
        if (rule->policy == STRETCH)
            continue;
        line->scale = (float)all;
        line->out = (size_t)fmax(1, floor((double)line->in * all + 0.5));
    }
    return 0;
}

// What becomes of each dimension: by the sizes, or the scales, of those that there are axes for.
static int find_lines(const GcamInfer *infer, const Rule *rule, int rank, Line *lines)
{
    const int first = infer->graph->opset < 11 || infer->node->op->data ? 1 : 2;
    const GcamAttribute *attribute = gcam_node_attribute(infer->node, "scales");
    const GcamValue *scales, *sizes = NULL, *roi = NULL;
    int64_t axes[GCAM_MAX_RANK];
    int count = find_axes(infer, rank, axes), error = count < 0 ? count : find_constant(infer, first, &scales);
    if (!error && first == 2 && rule->place == TF_CROP_AND_RESIZE)
        error = find_constant(infer, 1, &roi);
    if (!error && first == 2)
        error = find_constant(infer, 3, &sizes);
    if (error)
        return error;
    const size_t given = scales ? gcam_shape_count(&scales->shape) : sizes ? gcam_shape_count(&sizes->shape)
                       : attribute ? attribute->float_count : 0;
    if (given != (size_t)count)
        return gcam_infer_bad(infer, "%zu scales or sizes for %d dimensions", given, count);
    if (rule->place == TF_CROP_AND_RESIZE && (!roi || gcam_shape_count(&roi->shape) != 2 * (size_t)count))
        return gcam_infer_bad(infer, "no roi of %d numbers to crop by", 2 * count);
    for (int i = 0; roi && i < count; i++) {
        lines[axes[i]].start = (float)gcam_constant_double(roi, (size_t)i);
        lines[axes[i]].end = (float)gcam_constant_double(roi, (size_t)(i + count));
    }
    if (sizes && !scales)
        return by_sizes(infer, rule, sizes, count, axes, lines);
    for (int i = 0; i < count && !error; i++)
        error = by_scale(infer, &lines[axes[i]], scales ? gcam_constant_double(scales, (size_t)i)
                                                        : attribute->floats[i]);
    return error;
}

static int is_same(const Rule *rule, const Line *line)
{
    return line->in == line->out && line->scale == 1 &&
           (rule->place != TF_CROP_AND_RESIZE || (line->start == 0 && line->end == 1)) &&
           rule->place != TF_HALF_PIXEL_FOR_NN;
}

static int infer(GcamInfer *infer)
{
    int error = gcam_infer_arity(infer, 1, 4);
    Params *params = gcam_infer_alloc(infer, sizeof(*params));
    Line lines[GCAM_MAX_RANK];
    Rule rule;
    if (error || !params)
        return error ? error : -ENOMEM;
    GcamShape shape = gcam_infer_input(infer, 0)->shape;
    for (int d = 0; d < shape.rank; d++)
        lines[d] = (Line){ shape.dim[d], shape.dim[d], 1, 0, 1 };
    if ((error = read_rule(infer, &rule)) || (error = find_lines(infer, &rule, shape.rank, lines)))
        return error;
    *params = (Params){ .rank = shape.rank, .nearest = rule.mode == NEAREST, .crops = rule.place == TF_CROP_AND_RESIZE,
                        .fill = gcam_node_float(infer->node, "extrapolation_value", 0) };
    for (int d = 0; d < shape.rank; d++)
        shape.dim[d] = lines[d].out;
    infer->node->params = params;
    if ((error = gcam_infer_output(infer, 0, &shape)))
        return error;
    for (int d = 0; d < shape.rank && !error; d++) {
        params->axis[d].in = lines[d].in;
        params->axis[d].out = lines[d].out;
        if (!is_same(&rule, &lines[d]))
            error = make_axis(infer, &rule, &lines[d], &params->axis[d]);
    }
    return error;
}

// ------------------------------------------------------------------------------------------------------------- passes

// The dimensions that change, from the last to the first.
static int find_passes(const Params *p, int passes[GCAM_MAX_RANK])
{
    int count = 0;
    for (int d = p->rank - 1; d >= 0; d--)
        if (p->axis[d].forward.first)
            passes[count++] = d;
    return count;
}

// Elements behind the first `done` of the passes.
static size_t between(const Params *p, const int *passes, int done)
{
    size_t count = 1;
    for (int d = 0; d < p->rank; d++)
        count *= p->axis[d].in;
    for (int i = 0; i < done; i++)
        count = count / p->axis[passes[i]].in * p->axis[passes[i]].out;
    return count;
}

// Two buffers, each for the largest of what lies between passes.
static size_t buffer_size(const Params *p)
{
    int passes[GCAM_MAX_RANK], count = find_passes(p, passes);
    size_t most = 0;
    for (int i = 1; i < count; i++)
        most = between(p, passes, i) > most ? between(p, passes, i) : most;
    return gcam_round_line(most);
}

static int prepare(GcamStep *step, const GcamValue *values, int threads)
{
    (void)values, (void)threads;
    step->scratch = 2 * buffer_size(step->node->params);
    return 0;
}

// One pass, in pieces of lines of `inner` neighbours in memory.
typedef struct Pass {
    const Taps *taps;
    size_t in, out, inner, lines, piece;
    const float *from;
    float *to;
} Pass;

static void run_line(const Pass *pass, size_t line)
{
    const size_t n = pass->inner, o = line % pass->out, first = pass->taps->first[o];
    const size_t count = pass->taps->first[o + 1] - first, *at = pass->taps->from + first;
    const float *weight = pass->taps->weight + first, *x = pass->from + line / pass->out * pass->in * n;
    float *y = pass->to + line * n;
    if (count == 1 && weight[0] == 1 && n > 1) {
        memcpy(y, x + at[0] * n, n * sizeof(*y));
        return;
    }
    for (size_t i = 0; i < n; i++)
        y[i] = count ? weight[0] * x[at[0] * n + i] : 0;
    for (size_t k = 1; k < count; k++) {
        const float w = weight[k], *from = x + at[k] * n;
        for (size_t i = 0; i < n; i++)
            y[i] += w * from[i];
    }
}

static void run_piece(void *opaque, size_t index, int thread)
{
    const Pass *pass = opaque;
    size_t last = (index + 1) * pass->piece;
    (void)thread;
    for (size_t line = index * pass->piece; line < (last < pass->lines ? last : pass->lines); line++)
        run_line(pass, line);
}

// Along a dimension whose places have `inner` elements each; `count` of them are made.
static void run_pass(const GcamRun *run, const Taps *taps, size_t in, size_t out, size_t inner, size_t count,
                     const float *from, float *to)
{
    Pass pass = { taps, in, out, inner, count / inner, 1 + 16384 / inner, from, to };
    gcam_threads_run(run->pool, (pass.lines + pass.piece - 1) / pass.piece, run_piece, &pass);
}

// Neighbours in memory of one place along dimension d, when the first `done` of the passes have been made.
static size_t inner_of(const Params *p, const int *passes, int done, int d, int channels_last)
{
    size_t inner = 1, size[GCAM_MAX_RANK];
    for (int k = 0; k < p->rank; k++)
        size[k] = p->axis[k].in;
    for (int i = 0; i < done; i++)
        size[passes[i]] = p->axis[passes[i]].out;
    for (int k = d + 1; k < p->rank; k++)
        inner *= size[k];
    return !channels_last || d == 0 ? inner : d == 1 ? 1 : inner * size[1];
}

// Forward: passes 0, 1 ..; backward: the other way round, from what lies behind all of them.
static void run_passes(const GcamRun *run, const GcamStep *step, const float *from, float *to, int back)
{
    const Params *p = step->node->params;
    const size_t size = buffer_size(p);
    const int last = run->value[step->input[0]].channels_last;
    int passes[GCAM_MAX_RANK], count = find_passes(p, passes);
    if (!count)
        memcpy(to, from, between(p, passes, 0) * sizeof(*to));
    for (int i = 0; i < count; i++) {
        const int pass = back ? count - 1 - i : i, d = passes[pass];
        const Axis *axis = &p->axis[d];
        float *next = i == count - 1 ? to : run->scratch + (i % 2 ? size : 0);
        run_pass(run, back ? &axis->backward : &axis->forward, back ? axis->out : axis->in,
                 back ? axis->in : axis->out, inner_of(p, passes, pass, d, last),
                 between(p, passes, back ? pass : pass + 1), from, next);
        from = next;
    }
}

// Whether a place along a dimension lies outside of x.
static int is_outside(const Axis *axis, size_t o)
{
    return axis->forward.first && axis->forward.first[o] == axis->forward.first[o + 1];
}

static void fill_outside(const GcamRun *run, const GcamStep *step, float *y)
{
    const Params *p = step->node->params;
    const GcamValue *value = &run->value[step->output[0]];
    ptrdiff_t stride[GCAM_MAX_RANK];
    gcam_value_strides(value, stride);
    for (size_t i = 0, n = gcam_shape_count(&value->shape); i < n; i++) {
        size_t rest = i;
        ptrdiff_t at = 0;
        int outside = 0;
        for (int d = p->rank - 1; d >= 0; rest /= p->axis[d--].out) {
            outside |= is_outside(&p->axis[d], rest % p->axis[d].out);
            at += (ptrdiff_t)(rest % p->axis[d].out) * stride[d];
        }
        if (outside)
            y[at] = p->fill;
    }
}

static void forward(const GcamRun *run, const GcamStep *step)
{
    float *y = run->data[step->output[0]];
    run_passes(run, step, run->data[step->input[0]], y, 0);
    if (((const Params *)step->node->params)->crops)
        fill_outside(run, step, y);
}

static void backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    (void)input;
    run_passes(run, step, run->grad[step->output[0]], dx, 1);
}

// Of the nearest, each output is one input: shares go where it came from.
static int can_excite(const GcamStep *step, const GcamValue *values)
{
    const Params *p = step->node->params;
    (void)values;
    return p->nearest && !p->crops;
}

#define RESIZE(onnx, is_older) \
    { .type = onnx, .layout = GCAM_LAYOUT_ANY, .infer = infer, .prepare = prepare, .forward = forward, \
      .backward = backward, .excite = backward, .can_excite = can_excite, .data = is_older }

const GcamOp gcam_op_resize[] = { RESIZE("Resize", NULL), RESIZE("Upsample", &(const int){ 1 }) };
const size_t gcam_op_resize_count = sizeof(gcam_op_resize) / sizeof(gcam_op_resize[0]);

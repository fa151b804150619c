/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operators on each element alone: activations and functions. y = f(x), dx = dy * f'(x), any shape and layout.
 *
 * One more of them is a KERNEL line, with f of x and f' of x and y, and a row of gcam_op_unary. Both may use two
 * numbers a and b, which the row takes from attributes.
 */
#include "excitation.h"
#include "part.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

#define CHUNK 16384             // elements that one thread takes at a time

typedef struct Params {
    float a, b;
} Params;

typedef struct Kernel {
    const char *attribute[2];   // names of the parameters, NULL where there are none
    float fallback[2];
    void (*forward)(const float *x, float *y, size_t n, float a, float b);
    void (*backward)(const float *x, const float *y, const float *dy, float *dx, size_t n, float a, float b);
} Kernel;

// e^x to about 1e-7 relative, in a form that compilers vectorise: x = n ln 2 + r, a polynomial in r, n by the exponent.
// NaN stays NaN, by way of r: there is no such exponent.
static inline float exp_fast(float x)
{
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    float n = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.0f + r * (1.0f + r * (0.5f + r * (1.6666667e-1f + r * (4.1666523e-2f + r * (8.3333340e-3f +
              r * (1.3981999e-3f + r * 1.9875691e-4f))))));
    union { int32_t i; float f; } scale = { ((int32_t)(n == n ? n : 0.0f) + 127) << 23 };
    return p * scale.f;
}

static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + exp_fast(-x));
}

// By the series near zero, where 1 - 2 / (1 + e^2x) cancels.
static inline float tanh_fast(float x)
{
    float small = x * (1.0f + x * x * (-0.33333333f + x * x * 0.13333333f));
    float large = 1.0f - 2.0f / (1.0f + exp_fast(2.0f * x));
    return x * x < 0.01f ? small : large;
}

// x where it lies from 0 to 1.
static inline float unit(float x)
{
    x = x < 0.0f ? 0.0f : x;
    return x > 1.0f ? 1.0f : x;
}

// log(1 + e^x), which is x where it is large.
static inline float softplus(float x)
{
    return x > 20.0f ? x : log1pf(exp_fast(x));
}

#define KERNEL(name, f, df) FORWARD(name, f) BACKWARD(name, df)

#define FORWARD(name, f) \
    static void name##_forward(const float *x_, float *restrict y_, size_t n, float a, float b) \
    { \
        (void)a, (void)b; \
        for (size_t i = 0; i < n; i++) { \
            float x = x_[i]; \
            y_[i] = f; \
        } \
    }

#define BACKWARD(name, df) \
    static void name##_backward(const float *x_, const float *y_, const float *dy, float *restrict dx, size_t n, \
                                float a, float b) \
    { \
        (void)a, (void)b; \
        for (size_t i = 0; i < n; i++) { \
            float x = x_[i], y = y_[i]; \
            (void)x, (void)y; \
            dx[i] = dy[i] * (df); \
        } \
    }

// Those whose value the kernels compute, by vectors.
#define VECTOR_KERNEL(name, df) BACKWARD(name, df) VECTOR_FORWARD(name)

#define VECTOR_FORWARD(name) \
    static void name##_forward(const float *x, float *y, size_t n, float a, float b) \
    { \
        (void)a, (void)b; \
        gcam_kernels()->name(y, x, n); \
    }

KERNEL(relu, x > 0 ? x : 0, x > 0)
KERNEL(leaky_relu, x > 0 ? x : a * x, x > 0 ? 1 : a)
KERNEL(thresholded_relu, x > a ? x : 0, x > a)
KERNEL(clip, x < a ? a : x > b ? b : x, x >= a && x <= b)
VECTOR_KERNEL(sigmoid, y * (1 - y))
KERNEL(hard_sigmoid, unit(a * x + b), y > 0 && y < 1 ? a : 0)
VECTOR_KERNEL(hard_swish, x <= -3 ? 0 : x >= 3 ? 1 : x * (1.0f / 3) + 0.5f)
VECTOR_KERNEL(tanh, 1 - y * y)
KERNEL(elu, x > 0 ? x : a * (exp_fast(x) - 1), x > 0 ? 1 : y + a)
KERNEL(selu, x > 0 ? b * x : b * a * (exp_fast(x) - 1), x > 0 ? b : y + b * a)
KERNEL(celu, x > 0 ? x : a * (exp_fast(x / a) - 1), x > 0 ? 1 : exp_fast(x / a))
KERNEL(softplus, softplus(x), sigmoid(x))
KERNEL(softsign, x / (1 + fabsf(x)), 1 / ((1 + fabsf(x)) * (1 + fabsf(x))))
KERNEL(mish, x * tanh_fast(softplus(x)),
       tanh_fast(softplus(x)) + x * sigmoid(x) * (1 - tanh_fast(softplus(x)) * tanh_fast(softplus(x))))
VECTOR_KERNEL(erf, 1.12837917f * exp_fast(-x * x))
VECTOR_FORWARD(silu)
KERNEL(sqrt, sqrtf(x), 0.5f / y)
VECTOR_KERNEL(exp, y)
KERNEL(log, logf(x), 1 / x)
KERNEL(neg, -x, -1)
KERNEL(abs, fabsf(x), x > 0 ? 1 : x < 0 ? -1 : 0)
KERNEL(reciprocal, 1 / x, -y * y)
KERNEL(swish, x * sigmoid(a * x), sigmoid(a * x) * (1 + a * x * (1 - sigmoid(a * x))))
KERNEL(shrink, x > a ? x - b : x < -a ? x + b : 0, x > a || x < -a)
KERNEL(sin, sinf(x), cosf(x))
KERNEL(cos, cosf(x), -sinf(x))
KERNEL(tan, tanf(x), 1 + y * y)
KERNEL(asin, asinf(x), 1 / sqrtf(1 - x * x))
KERNEL(acos, acosf(x), -1 / sqrtf(1 - x * x))
KERNEL(atan, atanf(x), 1 / (1 + x * x))
KERNEL(sinh, sinhf(x), coshf(x))
KERNEL(cosh, coshf(x), sinhf(x))
KERNEL(asinh, asinhf(x), 1 / sqrtf(x * x + 1))
KERNEL(acosh, acoshf(x), 1 / sqrtf(x * x - 1))
KERNEL(atanh, atanhf(x), 1 / (1 - x * x))
// Steps: no gradient comes through, as everywhere but at a few points there is none.
KERNEL(sign, x > 0 ? 1 : x < 0 ? -1 : 0, 0)
KERNEL(round, rintf(x), 0)
KERNEL(floor, floorf(x), 0)
KERNEL(ceil, ceilf(x), 0)
// Truth values are 1 and 0 where a network runs.
KERNEL(not, x == 0, 0)
KERNEL(is_nan, x != x, 0)
KERNEL(is_inf, (x > 3.402823466e38f && a != 0) || (x < -3.402823466e38f && b != 0), 0)
// To a truth value where a is 1, else to an integer.
KERNEL(cast, a != 0 ? x != 0 : truncf(x), 0)

// Derivatives by vectors, a piece that stays in the first cache at a time.
enum { PIECE = 512 };

// Gelu with approximate='tanh': x (1 + tanh(u)) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3).
static inline float gelu_tanh(float x)
{
    return tanh_fast(0.79788456f * x * (1 + 0.044715f * x * x));
}

// a: 1 where it is approximated so, else 0.
static void gelu_forward(const float *x, float *y, size_t n, float a, float b)
{
    (void)b;
    if (a == 0)
        gcam_kernels()->gelu(y, x, n);
    for (size_t i = 0; a != 0 && i < n; i++)
        y[i] = 0.5f * x[i] * (1 + gelu_tanh(x[i]));
}

// (1 + t) / 2 + x / 2 (1 - t^2) u'
static void gelu_tanh_backward(const float *x, const float *dy, float *restrict dx, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float t = gelu_tanh(x[i]), du = 0.79788456f * (1 + 0.134145f * x[i] * x[i]);
        dx[i] = dy[i] * 0.5f * (1 + t + x[i] * (1 - t * t) * du);
    }
}

// (1 + erf(x / sqrt(2))) / 2 + x e^(-x^2 / 2) / sqrt(2 pi)
static void gelu_backward(const float *x, const float *y, const float *dy, float *restrict dx, size_t n, float a,
                          float b)
{
    float share[PIECE], density[PIECE];
    (void)y, (void)b;
    if (a != 0) {
        gelu_tanh_backward(x, dy, dx, n);
        return;
    }
    for (size_t at = 0, count; at < n; at += count, x += count, dy += count, dx += count) {
        count = n - at < PIECE ? n - at : PIECE;
        for (size_t i = 0; i < count; i++) {
            share[i] = x[i] * 0.70710678f;
            density[i] = -0.5f * x[i] * x[i];
        }
        gcam_kernels()->erf(share, share, count);
        gcam_kernels()->exp(density, density, count);
        for (size_t i = 0; i < count; i++)
            dx[i] = dy[i] * (0.5f + 0.5f * share[i] + 0.39894228f * x[i] * density[i]);
    }
}

// s (1 + x (1 - s)) with s = sigmoid(x)
static void silu_backward(const float *x, const float *y, const float *dy, float *restrict dx, size_t n, float a,
                          float b)
{
    float s[PIECE];
    (void)y, (void)a, (void)b;
    for (size_t at = 0, count; at < n; at += count, x += count, dy += count, dx += count) {
        count = n - at < PIECE ? n - at : PIECE;
        gcam_kernels()->sigmoid(s, x, count);
        for (size_t i = 0; i < count; i++)
            dx[i] = dy[i] * (s[i] * (1 + x[i] * (1 - s[i])));
    }
}

// What a node gives for a and b, or the defaults of its operator.
static int unary_infer(GcamInfer *infer)
{
    const Kernel *kernel = infer->node->op->data;
    int error = gcam_infer_arity(infer, 1, kernel->forward == clip_forward ? 3 : 1);
    Params *params = gcam_infer_alloc(infer, sizeof(*params));
    if (error || !params)
        return error ? error : -ENOMEM;
    float *const value[2] = { &params->a, &params->b };
    for (int i = 0; i < 2; i++) {
        const GcamValue *given = gcam_infer_input(infer, i + 1);     // Clip takes its bounds as inputs from opset 11
        *value[i] = kernel->fallback[i];
        if (given && (!given->data || gcam_shape_count(&given->shape) != 1))
            return gcam_infer_unsupported(infer, "its bound '%s' is not a constant number", given->name);
        if (given)
            *value[i] = (float)gcam_constant_double(given, 0);
        else if (kernel->attribute[i])
            *value[i] = gcam_node_float(infer->node, kernel->attribute[i], kernel->fallback[i]);
    }
    if (kernel->forward == clip_forward && params->a > params->b)
        params->a = params->b;      // ONNX: the upper bound holds
    const char *approximate = gcam_node_string(infer->node, "approximate", "none");
    if (kernel->forward == gelu_forward && !strcmp(approximate, "tanh"))
        params->a = 1;
    else if (strcmp(approximate, "none"))
        return gcam_infer_unsupported(infer, "approximate='%s'", approximate);
    if (kernel->forward == cast_forward)
        params->a = gcam_node_int(infer->node, "to", GCAM_TYPE_NONE) == GCAM_TYPE_BOOL;
    if (kernel->forward == is_inf_forward) {
        params->a = gcam_node_int(infer->node, "detect_positive", 1) != 0;
        params->b = gcam_node_int(infer->node, "detect_negative", 1) != 0;
    }
    infer->node->params = params;
    return gcam_infer_output(infer, 0, &gcam_infer_input(infer, 0)->shape);
}

static void clip_bounds(const GcamNode *node, float *low, float *high)
{
    const Params *params = node->params;
    *low = params->a;
    *high = params->b;
}

// Where a plan put the operator in, it has no params: the defaults.
static Params params_of(const GcamStep *step)
{
    const Kernel *kernel = step->op->data;
    const Params *params = step->node->params;
    return params ? *params : (Params){ kernel->fallback[0], kernel->fallback[1] };
}

typedef struct Job {
    const Kernel *kernel;
    Params params;
    const float *x, *y, *dy;
    float *out;
    GcamStretches floats;
} Job;

static void run_chunk(void *opaque, size_t index, int thread)
{
    const Job *job = opaque;
    size_t n, at = gcam_piece(&job->floats, CHUNK, index, &n);
    (void)thread;
    if (job->dy)
        job->kernel->backward(job->x + at, job->y + at, job->dy + at, job->out + at, n, job->params.a, job->params.b);
    else
        job->kernel->forward(job->x + at, job->out + at, n, job->params.a, job->params.b);
}

static void unary_forward(const GcamRun *run, const GcamStep *step)
{
    Job job = { step->op->data, params_of(step), run->data[step->input[0]], NULL, NULL,
                run->data[step->output[0]], gcam_part_floats(run, &run->value[step->output[0]]) };
    gcam_threads_run(run->pool, gcam_pieces(&job.floats, CHUNK), run_chunk, &job);
}

static void unary_backward(const GcamRun *run, const GcamStep *step, int input, float *dx)
{
    if (input)
        return;
    if (run->rule == GCAM_RULE_DECONVOLUTION && gcam_step_rectifies(step)) {
        memcpy(dx, run->grad[step->output[0]], gcam_shape_count(&run->value[step->output[0]].shape) * sizeof(*dx));
        return;
    }
    Job job = { step->op->data, params_of(step), run->data[step->input[0]],
                run->data[step->output[0]], run->grad[step->output[0]], dx,
                gcam_part_floats(run, &run->value[step->output[0]]) };
    gcam_threads_run(run->pool, gcam_pieces(&job.floats, CHUNK), run_chunk, &job);
}

#define OPERATOR(onnx, name, a, b, fallback_a, fallback_b, ...) \
    { .type = onnx, .layout = GCAM_LAYOUT_ANY, \
      .flags = GCAM_OP_NEEDS_X | GCAM_OP_NEEDS_Y | GCAM_OP_ELEMENTWISE, \
      .infer = unary_infer, .forward = unary_forward, .backward = unary_backward, .reach = gcam_reach_same, \
      .data = &(const Kernel){ { a, b }, { fallback_a, fallback_b }, name##_forward, name##_backward }, __VA_ARGS__ }

// A function of x alone; one with a and b: attributes, defaults. Then what else is to be said of the operator.
#define UNARY(onnx, name, ...)                   OPERATOR(onnx, name, NULL, NULL, 0, 0, __VA_ARGS__)
#define WITH_A(onnx, name, a, fallback)          OPERATOR(onnx, name, a, NULL, fallback, 0, )
#define WITH_AB(onnx, name, a, b, ofa, ofb, ...) OPERATOR(onnx, name, a, b, ofa, ofb, __VA_ARGS__)

// x * Sigmoid(x), which ONNX writes as two nodes until opset 24; a plan puts it in their place.
static const GcamOp silu = UNARY("SiLU", silu);

static const GcamOp *sigmoid_gate(const GcamNode *node)
{
    (void)node;
    return &silu;
}

// HardSwish is x * HardSigmoid(x) of slope 1/6.
static const GcamOp *hard_sigmoid_gate(const GcamNode *node)
{
    const Params *params = node->params;
    return fabsf(params->a - 1.0f / 6) > 1e-5f || params->b != 0.5f ? NULL : gcam_op_find("HardSwish");
}

// Defaults as the ONNX operator specification gives them.
const GcamOp gcam_op_unary[] = {
    UNARY("Relu", relu, .excite = unary_backward, .act = GCAM_ACT_RELU),
    WITH_A("LeakyRelu", leaky_relu, "alpha", 0.01f),
    WITH_A("ThresholdedRelu", thresholded_relu, "alpha", 1),
    WITH_AB("Clip", clip, "min", "max", -3.402823466e38f, 3.402823466e38f, .act = GCAM_ACT_CLIP, .bounds = clip_bounds,
            .excite = gcam_excite_same),
    UNARY("Sigmoid", sigmoid, .range = GCAM_RANGE_UNIT, .probabilities = "sigmoid", .gate = sigmoid_gate),
    WITH_AB("HardSigmoid", hard_sigmoid, "alpha", "beta", 0.2f, 0.5f, .range = GCAM_RANGE_UNIT,
            .gate = hard_sigmoid_gate),
    UNARY("HardSwish", hard_swish),
    UNARY("Tanh", tanh),
    WITH_A("Elu", elu, "alpha", 1),
    WITH_AB("Selu", selu, "alpha", "gamma", 1.67326319f, 1.05070102f),
    WITH_A("Celu", celu, "alpha", 1),
    UNARY("Softplus", softplus),
    UNARY("Softsign", softsign),
    UNARY("Mish", mish),
    UNARY("Erf", erf, .symbol = GCAM_SYMBOL_ERF),
    UNARY("Gelu", gelu),
    UNARY("Sqrt", sqrt),
    UNARY("Exp", exp),
    UNARY("Log", log),
    UNARY("Neg", neg),
    UNARY("Abs", abs),
    UNARY("Reciprocal", reciprocal),
    WITH_A("Swish", swish, "alpha", 1),
    WITH_AB("Shrink", shrink, "lambd", "bias", 0.5f, 0, ),
    UNARY("Sin", sin),
    UNARY("Cos", cos),
    UNARY("Tan", tan),
    UNARY("Asin", asin),
    UNARY("Acos", acos),
    UNARY("Atan", atan),
    UNARY("Sinh", sinh),
    UNARY("Cosh", cosh),
    UNARY("Asinh", asinh),
    UNARY("Acosh", acosh),
    UNARY("Atanh", atanh),
    UNARY("Sign", sign),
    UNARY("Round", round),
    UNARY("Floor", floor),
    UNARY("Ceil", ceil),
    UNARY("Not", not, .range = GCAM_RANGE_UNIT),
    UNARY("IsNaN", is_nan, .range = GCAM_RANGE_UNIT),
    UNARY("IsInf", is_inf, .range = GCAM_RANGE_UNIT),
    UNARY("Cast", cast),
};
const size_t gcam_op_unary_count = sizeof(gcam_op_unary) / sizeof(gcam_op_unary[0]);

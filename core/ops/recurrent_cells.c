/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attributes and shapes of recurrent networks, activations, and the cells of RNN and LSTM.
 */
#include "recurrent.h"

#include <errno.h>
#include <math.h>
#include <string.h>

// --------------------------------------------------------------------------------------------------------- activations

enum { SIGMOID, TANH, RELU, LEAKY_RELU, HARD_SIGMOID, SOFTSIGN };

static const struct {
    const char *name;
    float a, b;                 // what they are where the node does not tell
    int has_a, has_b;
} activations[] = {
    [SIGMOID] = { "Sigmoid", 0, 0, 0, 0 }, [TANH] = { "Tanh", 0, 0, 0, 0 }, [RELU] = { "Relu", 0, 0, 0, 0 },
    [LEAKY_RELU] = { "LeakyRelu", 0.01f, 0, 1, 0 }, [HARD_SIGMOID] = { "HardSigmoid", 0.2f, 0.5f, 1, 1 },
    [SOFTSIGN] = { "Softsign", 0, 0, 0, 0 },
};

static float activated(const GcamGate *gate, float x)
{
    switch (gate->which) {
    case SIGMOID:
        return 1 / (1 + expf(-x));
    case TANH:
        return tanhf(x);
    case RELU:
        return x > 0 ? x : 0;
    case LEAKY_RELU:
        return x > 0 ? x : gate->a * x;
    case HARD_SIGMOID:
        x = gate->a * x + gate->b;
        return x < 0 ? 0 : x > 1 ? 1 : x;
    }
    return x / (1 + fabsf(x));
}

void gcam_activate(const GcamGate *gate, float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = activated(gate, x[i]);
}

float gcam_slope(const GcamGate *gate, float y)
{
    switch (gate->which) {
    case SIGMOID:
        return y * (1 - y);
    case TANH:
        return 1 - y * y;
    case RELU:
        return y > 0;
    case LEAKY_RELU:
        return y > 0 ? 1 : gate->a;
    case HARD_SIGMOID:
        return y > 0 && y < 1 ? gate->a : 0;
    }
    return (1 - fabsf(y)) * (1 - fabsf(y));
}

// --------------------------------------------------------------------------------------------------------------- cells

void gcam_cell_forward(const GcamRecurrent *p, size_t direction, float *z, float *c, float *h, float *beside)
{
    const GcamGate *activation = p->activation[direction];
    const size_t n = p->hidden;
    if (p->cell == GCAM_CELL_RNN) {
        gcam_activate(&activation[0], z, n);
        memcpy(h + n, z, n * sizeof(*h));
        return;
    }
    gcam_activate(&activation[0], z, 3 * n);            // i, o, f
    gcam_activate(&activation[1], z + 3 * n, n);        // g
    for (size_t j = 0; j < n; j++)
        beside[j] = c[n + j] = z[2 * n + j] * c[j] + z[j] * z[3 * n + j];
    gcam_activate(&activation[2], beside, n);
    for (size_t j = 0; j < n; j++)
        h[n + j] = z[n + j] * beside[j];
}

void gcam_cell_backward(const GcamRecurrent *p, size_t direction, const float *z, const float *c, const float *h,
                        const float *beside, const float *dh, float *dc, float *dz)
{
    const GcamGate *activation = p->activation[direction];
    const size_t n = p->hidden;
    (void)h;
    for (size_t j = 0; p->cell == GCAM_CELL_RNN && j < n; j++)
        dz[j] = dh[j] * gcam_slope(&activation[0], z[j]);
    for (size_t j = 0; p->cell == GCAM_CELL_LSTM && j < n; j++) {
        const float i = z[j], o = z[n + j], f = z[2 * n + j], g = z[3 * n + j];
        const float d = dc[j] + dh[j] * o * gcam_slope(&activation[2], beside[j]);
        dz[j] = d * g * gcam_slope(&activation[0], i);
        dz[n + j] = dh[j] * beside[j] * gcam_slope(&activation[0], o);
        dz[2 * n + j] = d * c[j] * gcam_slope(&activation[0], f);
        dz[3 * n + j] = d * i * gcam_slope(&activation[1], g);
        dc[j] = d * f;
    }
}

// -------------------------------------------------------------------------------------------------------------- shapes

// Which activations, by direction, and their numbers, which are listed in the order of those that have one.
static int read_activations(GcamInfer *infer, GcamRecurrent *p)
{
    static const int usual[3][3] = { { TANH, 0, 0 }, { SIGMOID, TANH, TANH }, { SIGMOID, TANH, 0 } };
    static const size_t functions[3] = { 1, 3, 2 };
    const GcamAttribute *names = gcam_node_attribute(infer->node, "activations");
    const GcamAttribute *a = gcam_node_attribute(infer->node, "activation_alpha");
    const GcamAttribute *b = gcam_node_attribute(infer->node, "activation_beta");
    const size_t each = functions[p->cell], count = each * p->directions;
    size_t as = 0, bs = 0;
    if (names && names->string_count && names->string_count != count)
        return gcam_infer_bad(infer, "%zu activations for %zu", names->string_count, count);
    for (size_t i = 0; i < count; i++) {
        GcamGate *gate = &p->activation[i / each][i % each];
        const int named = names && names->string_count;
        gate->which = usual[p->cell][i % each];
        for (int k = 0, found = 0; named && !found; k++) {
            if (k == sizeof(activations) / sizeof(activations[0]))
                return gcam_infer_unsupported(infer, "activation '%s'", names->strings[i]);
            found = !strcmp(activations[k].name, names->strings[i]);
            gate->which = k;
        }
        gate->a = activations[gate->which].has_a && a && as < a->float_count ? a->floats[as++]
                                                                             : activations[gate->which].a;
        gate->b = activations[gate->which].has_b && b && bs < b->float_count ? b->floats[bs++]
                                                                             : activations[gate->which].b;
    }
    return 0;
}

// What is not done.
static int check_features(GcamInfer *infer, const GcamRecurrent *p)
{
    const GcamNode *node = infer->node;
    const GcamValue *lengths = gcam_infer_input(infer, 4);
    if (gcam_node_float(node, "clip", 0) > 0)
        return gcam_infer_unsupported(infer, "clipped gates");
    if (gcam_node_int(node, "input_forget", 0))
        return gcam_infer_unsupported(infer, "input_forget");
    if (gcam_infer_input(infer, 7))
        return gcam_infer_unsupported(infer, "peepholes");
    if (lengths && !lengths->data)
        return gcam_infer_unsupported(infer, "the lengths of its sequences depend on the picture");
    for (size_t i = 0; lengths && i < gcam_shape_count(&lengths->shape); i++)
        if (gcam_constant_int(lengths, i) != (int64_t)p->steps)
            return gcam_infer_unsupported(infer, "sequences of %lld of %zu steps",
                                          (long long)gcam_constant_int(lengths, i), p->steps);
    return 0;
}

static int check_weights(GcamInfer *infer, const GcamRecurrent *p)
{
    const size_t all = p->gates * p->hidden;
    const GcamShape want[3] = { { 3, { p->directions, all, p->in } }, { 3, { p->directions, all, p->hidden } },
                                { 2, { p->directions, 2 * all } } };
    for (int i = 0; i < 3; i++) {
        const GcamValue *value = gcam_infer_input(infer, 1 + i);
        char text[GCAM_SHAPE_TEXT];
        if (value && !value->data)
            return gcam_infer_unsupported(infer, "weights '%s' depend on the picture", value->name);
        if (value && !gcam_shape_equal(&value->shape, &want[i]))
            return gcam_infer_bad(infer, "'%s' has shape %s", value->name, gcam_shape_text(&value->shape, text));
    }
    return 0;
}

// The outputs, and that first states have the shape of last ones.
static int set_shapes(GcamInfer *infer, const GcamRecurrent *p)
{
    const GcamShape y = { 4, { p->steps, p->directions, p->batch, p->hidden } };
    const GcamShape y_first = { 4, { p->batch, p->steps, p->directions, p->hidden } };
    const GcamShape state = { 3, { p->batch_first ? p->batch : p->directions,
                                   p->batch_first ? p->directions : p->batch, p->hidden } };
    const GcamNode *node = infer->node;
    int error = 0;
    for (int i = 5; i < 7; i++) {
        const GcamValue *first = gcam_infer_input(infer, i);
        if (first && !gcam_shape_equal(&first->shape, &state))
            return gcam_infer_bad(infer, "the shape of '%s' is not that of a state", first->name);
    }
    if (node->outputs > (p->cell == GCAM_CELL_LSTM ? 3 : 2))
        return gcam_infer_bad(infer, "has %d outputs", node->outputs);
    for (int i = 0; i < node->outputs && !error; i++)
        if (node->output[i] >= 0)
            error = gcam_infer_output(infer, i, i ? &state : p->batch_first ? &y_first : &y);
    return error;
}

int gcam_recurrent_infer(GcamInfer *infer)
{
    static const char *const directions[] = { "forward", "reverse", "bidirectional" };
    static const size_t gates[3] = { 1, 4, 3 };
    const GcamNode *node = infer->node;
    const int most = *(const enum GcamCell *)node->op->data == GCAM_CELL_LSTM ? 8 : 6;
    GcamRecurrent *p = gcam_infer_alloc(infer, sizeof(*p));
    if (!p)
        return -ENOMEM;
    if (node->inputs < 3 || node->inputs > most || node->input[0] < 0 || node->input[1] < 0 || node->input[2] < 0)
        return gcam_infer_bad(infer, "has %d inputs", node->inputs);
    const GcamShape *x = &gcam_infer_input(infer, 0)->shape, *r = &gcam_infer_input(infer, 2)->shape;
    const int direction = GCAM_INFER_NAME(infer, "direction", "forward", directions);
    if (direction < 0)
        return direction;
    if (x->rank != 3 || r->rank != 3)
        return gcam_infer_bad(infer, "an input of %d and weights of %d dimensions", x->rank, r->rank);
    p->cell = *(const enum GcamCell *)node->op->data;
    p->gates = gates[p->cell];
    p->batch_first = gcam_node_int(node, "layout", 0) != 0;
    p->steps = x->dim[p->batch_first];
    p->batch = x->dim[!p->batch_first];
    p->in = x->dim[2];
    p->hidden = r->dim[2];
    p->directions = direction == 2 ? 2 : 1;
    p->backwards = direction == 1;
    p->linear_before_reset = gcam_node_int(node, "linear_before_reset", 0) != 0;
    if (gcam_node_int(node, "hidden_size", (int64_t)p->hidden) != (int64_t)p->hidden)
        return gcam_infer_bad(infer, "hidden_size is not the %zu of its weights", p->hidden);
    int error = check_weights(infer, p);
    if (error || (error = check_features(infer, p)) || (error = read_activations(infer, p)))
        return error;
    infer->node->params = p;
    return set_shapes(infer, p);
}

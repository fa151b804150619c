/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Normalizations as others:
 *
 *     LpNormalization     y = x / max(|x|_p, tiny), along one dimension: 0 where all are 0
 *     RMSNormalization    y = x / sqrt(mean of x^2 + epsilon) * scale, over all dimensions from the axis on
 *     BatchNormalization as in training, of a batch of one: InstanceNormalization. PyTorch standardizes weights with it
 */
#include "rewrite.h"

#include <float.h>

static int apply_lp(GcamRewrite *rewrite)
{
    const GcamNode *node = &rewrite->whole;
    const int64_t p = gcam_node_int(node, "p", 2);
    if (node->inputs != 1 || node->input[0] < 0)
        return gcam_infer_bad(&rewrite->infer, "has %d inputs", node->inputs);
    if (p != 1 && p != 2)
        return gcam_infer_bad(&rewrite->infer, "a norm of order %lld", (long long)p);
    const int x = node->input[0], axis = gcam_infer_axis(&rewrite->infer, gcam_node_int(node, "axis", -1),
                                                         gcam_rewrite_shape(rewrite, x)->rank);
    if (axis < 0)
        return axis;
    int norm = gcam_rewrite_reduce(rewrite, p == 1 ? "ReduceL1" : "ReduceL2", x, axis, 1, 1);
    norm = gcam_rewrite_binary(rewrite, "Max", norm, gcam_rewrite_number(rewrite, FLT_MIN), -1);
    gcam_rewrite_binary(rewrite, "Div", x, norm, node->output[0]);
    return gcam_rewrite_end(rewrite);
}

static int apply_rms(GcamRewrite *rewrite)
{
    const GcamNode *node = &rewrite->whole;
    if (node->inputs != 2 || node->input[0] < 0 || node->input[1] < 0)
        return gcam_infer_bad(&rewrite->infer, "has %d inputs", node->inputs);
    const int x = node->input[0], rank = gcam_rewrite_shape(rewrite, x)->rank;
    const int axis = gcam_infer_axis(&rewrite->infer, gcam_node_int(node, "axis", -1), rank);
    const float epsilon = gcam_node_float(node, "epsilon", 1e-5f);
    if (axis < 0)
        return axis;
    int square = gcam_rewrite_binary(rewrite, "Mul", x, x, -1);
    int mean = gcam_rewrite_reduce(rewrite, "ReduceMean", square, axis, rank - axis, 1);
    mean = gcam_rewrite_binary(rewrite, "Add", mean, gcam_rewrite_number(rewrite, epsilon), -1);
    int root = gcam_rewrite_unary(rewrite, "Sqrt", mean, -1);
    int normal = gcam_rewrite_binary(rewrite, "Div", x, root, -1);
    gcam_rewrite_binary(rewrite, "Mul", normal, node->input[1], node->output[0]);
    return gcam_rewrite_end(rewrite);
}

static int apply_batch(GcamRewrite *rewrite)
{
    const GcamNode *node = &rewrite->whole;
    const GcamShape *x = node->inputs == 5 ? gcam_rewrite_shape(rewrite, node->input[0]) : NULL;
    if (!gcam_node_int(node, "training_mode", 0) || !x || x->rank < 3 || x->dim[0] != 1)
        return 0;
    const GcamAttribute epsilon = { .name = "epsilon", .f = gcam_node_float(node, "epsilon", 1e-5f) };
    gcam_rewrite_add(rewrite, "InstanceNormalization", 3, node->input, 1, &epsilon, node->output[0]);
    return gcam_rewrite_end(rewrite);
}

const GcamRewriteRule gcam_rewrite_rules_norm[] = {
    { "BatchNormalization", apply_batch }, { "LpNormalization", apply_lp },
    { "RMSNormalization", apply_rms },
    { "SimplifiedLayerNormalization", apply_rms },      // its name in ONNX Runtime, before opset 23
    { 0 },
};

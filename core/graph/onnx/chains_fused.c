/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operators of the domain com.microsoft, which ONNX Runtime's optimiser writes, as those that it fused, and
 * normalisations by the root of the mean square.
 */
#include "chain.h"

#include <math.h>
#include <string.h>

// The attribute of an activation: an item of a list, or a number by itself.
static float parameter(const GcamChain *chain, size_t item, const char *name)
{
    const GcamAttribute *list = gcam_node_attribute(&chain->whole, "activation_params");
    if (list && item < list->float_count)
        return list->floats[item];
    return gcam_node_float(&chain->whole, name, NAN);
}

// The activation that the whole names, of x.
static void activate(GcamChain *chain, int x)
{
    gcam_chain_activation(chain, gcam_node_string(&chain->whole, "activation", ""),
                          parameter(chain, 0, "activation_alpha"), parameter(chain, 1, "activation_beta"), x,
                          gcam_chain_output(chain, 0));
}

static int exchange(GcamChain *chain, int x, int to, int to_last)
{
    return to_last ? NODE(chain, "Transpose", to, ATTRIBUTES(INTS("perm", 0, 2, 3, 1)), x)
                   : NODE(chain, "Transpose", to, ATTRIBUTES(INTS("perm", 0, 3, 1, 2)), x);
}

// x, w, bias, what is added
static void make_conv(GcamChain *chain)
{
    int y = NODE(chain, "Conv", GCAM_CHAIN_PART, gcam_chain_attributes(chain), gcam_chain_input(chain, 0),
                 gcam_chain_input(chain, 1), gcam_chain_input(chain, 2));
    if (gcam_chain_input(chain, 3) >= 0)
        y = NODE(chain, "Add", GCAM_CHAIN_PART, NULL, y, gcam_chain_input(chain, 3));
    activate(chain, y);
}

// a, b, c
static void make_gemm(GcamChain *chain)
{
    activate(chain, gcam_chain_node(chain, "Gemm", GCAM_CHAIN_PART, gcam_chain_attributes(chain), chain->whole.inputs,
                                    chain->whole.input));
}

// a, b, the last two dimensions of which may be exchanged; times a number
static void make_matmul(GcamChain *chain)
{
    static const char *const turns[] = { "transA", "transB" };
    int x[2] = { gcam_chain_input(chain, 0), gcam_chain_input(chain, 1) }, to = gcam_chain_output(chain, 0);
    const float alpha = gcam_node_float(&chain->whole, "alpha", 1);
    if (gcam_node_int(&chain->whole, "transBatchA", 0) || gcam_node_int(&chain->whole, "transBatchB", 0)) {
        chain->refusal = "exchanged batches";
        return;
    }
    for (int i = 0; i < 2; i++)
        if (gcam_node_int(&chain->whole, turns[i], 0))
            x[i] = NODE(chain, "Transpose", GCAM_CHAIN_PART, ATTRIBUTES(INT("last_two", 1)), x[i]);
    int y = NODE(chain, "MatMul", alpha == 1 ? to : GCAM_CHAIN_PART, NULL, x[0], x[1]);
    if (alpha != 1)
        NODE(chain, "Mul", to, NULL, y, gcam_chain_number(chain, alpha));
}

// x plus a bias, if there is one.
static int add_bias(GcamChain *chain, int input)
{
    const int x = gcam_chain_input(chain, 0), bias = gcam_chain_input(chain, input);
    return bias < 0 ? x : NODE(chain, "Add", GCAM_CHAIN_PART, NULL, x, bias);
}

static void make_gelu(GcamChain *chain)
{
    NODE(chain, "Gelu", gcam_chain_output(chain, 0), NULL, add_bias(chain, 1));
}

static void make_fast_gelu(GcamChain *chain)
{
    NODE(chain, "Gelu", gcam_chain_output(chain, 0), ATTRIBUTES(STRING("approximate", "tanh")), add_bias(chain, 1));
}

// x sigmoid(alpha x)
static void make_quick_gelu(GcamChain *chain)
{
    NODE(chain, "Swish", gcam_chain_output(chain, 0),
         ATTRIBUTES(FLOAT("alpha", gcam_node_float(&chain->whole, "alpha", 1.702f))), gcam_chain_input(chain, 0));
}

// x / sqrt(mean(x^2) + epsilon) * scale, along the last -axis dimensions (Zhang & Sennrich 2019).
static void normalize_by_square(GcamChain *chain, int x, int scale, int to)
{
    const int64_t axis = gcam_node_int(&chain->whole, "axis", -1);
    if (axis >= 0 || axis < -4) {
        chain->refusal = "an axis that is not counted from the end";
        return;
    }
    int64_t axes[4];
    for (int64_t i = axis; i < 0; i++)
        axes[i - axis] = i;
    int square = NODE(chain, "Mul", GCAM_CHAIN_PART, NULL, x, x);
    int mean = NODE(chain, "ReduceMean", GCAM_CHAIN_PART, NULL, square, gcam_chain_ints(chain, (int)-axis, axes));
    int sum = NODE(chain, "Add", GCAM_CHAIN_PART, NULL, mean,
                   gcam_chain_number(chain, gcam_node_float(&chain->whole, "epsilon", 1e-5f)));
    int root = NODE(chain, "Sqrt", GCAM_CHAIN_PART, NULL, sum);
    int unit = NODE(chain, "Div", scale < 0 ? to : GCAM_CHAIN_PART, NULL, x, root);
    if (scale >= 0)
        NODE(chain, "Mul", to, NULL, unit, scale);
}

// x + skip + bias, which is an output too.
static int add_skip(GcamChain *chain, int bias_input)
{
    const int bias = gcam_chain_input(chain, bias_input), sum = gcam_chain_output(chain, 3);
    int y = NODE(chain, "Add", bias < 0 ? sum : GCAM_CHAIN_PART, NULL, gcam_chain_input(chain, 0),
                 gcam_chain_input(chain, 1));
    return bias < 0 ? y : NODE(chain, "Add", sum, NULL, y, bias);
}

// x, skip, scale, shift, bias
static void make_skip_norm(GcamChain *chain)
{
    const float epsilon = gcam_node_float(&chain->whole, "epsilon", 1e-5f);
    int x = add_skip(chain, 4), scale = gcam_chain_input(chain, 2), shift = gcam_chain_input(chain, 3);
    NODE(chain, "LayerNormalization", gcam_chain_output(chain, 0),
         ATTRIBUTES(INT("axis", -1), FLOAT("epsilon", epsilon)), x, scale, shift);
}

// x, skip, scale, bias
static void make_skip_rms_norm(GcamChain *chain)
{
    normalize_by_square(chain, add_skip(chain, 3), gcam_chain_input(chain, 2), gcam_chain_output(chain, 0));
}

// x, scale and shift of each channel; channels last unless it says otherwise, and perhaps x sigmoid(x) behind
static void make_group_norm(GcamChain *chain)
{
    const GcamNode *whole = &chain->whole;
    const int last = gcam_node_int(whole, "channels_last", 1) != 0, silu = gcam_node_int(whole, "activation", 0) == 1;
    const int to = gcam_chain_output(chain, 0);
    int x = gcam_chain_input(chain, 0);
    if (last)
        x = exchange(chain, x, GCAM_CHAIN_PART, 0);
    x = NODE(chain, "GroupNormalization", last || silu ? GCAM_CHAIN_PART : to,
             ATTRIBUTES(INT("num_groups", gcam_node_int(whole, "groups", 1)),
                        FLOAT("epsilon", gcam_node_float(whole, "epsilon", 1e-5f))),
             x, gcam_chain_input(chain, 1), gcam_chain_input(chain, 2));
    if (silu)
        x = NODE(chain, "Swish", last ? GCAM_CHAIN_PART : to, NULL, x);
    if (last)
        exchange(chain, x, to, 1);
}

#define MS "com.microsoft"

const GcamChainRule gcam_chains_fused[] = {
    { MS, "FusedConv", make_conv, NULL }, { MS, "FusedGemm", make_gemm, NULL },
    { MS, "FusedMatMul", make_matmul, NULL }, { MS, "TransposeMatMul", make_matmul, NULL },
    { MS, "Gelu", make_gelu, NULL }, { MS, "BiasGelu", make_gelu, NULL }, { MS, "FastGelu", make_fast_gelu, NULL },
    { MS, "QuickGelu", make_quick_gelu, NULL },
    { MS, "SkipLayerNormalization", make_skip_norm, NULL },
    { MS, "SkipSimplifiedLayerNormalization", make_skip_rms_norm, NULL },
    { MS, "GroupNorm", make_group_norm, NULL }, { 0 },
};

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Quantised operators as their dequantised float graph: DequantizeLinear of what comes in, the float operator, and
 * QuantizeLinear of what goes out, so that the values are those of the quantised network and gradients are the float
 * one's, straight through the rounding. Products are those of numbers less their zero points, which are integers, times
 * the scales.
 *
 * A tensor is given as three inputs in a row: numbers, scale, zero point.
 */
#include "chain.h"


// The tensor whose numbers are input `at`.
static int take(GcamChain *chain, int at)
{
    return NODE(chain, "DequantizeLinear", GCAM_CHAIN_PART, NULL, gcam_chain_input(chain, at),
                gcam_chain_input(chain, at + 1), gcam_chain_input(chain, at + 2));
}

// The output, of scale `at` and the zero point behind it.
static void give(GcamChain *chain, int x, int at)
{
    NODE(chain, "QuantizeLinear", gcam_chain_output(chain, 0), NULL, x, gcam_chain_input(chain, at),
         gcam_chain_input(chain, at + 1));
}

// Numbers less their zero point.
static int centre(GcamChain *chain, int numbers, int zero_point, int64_t axis)
{
    return NODE(chain, "DequantizeLinear", GCAM_CHAIN_PART, ATTRIBUTES(INT("axis", axis)), numbers,
                gcam_chain_number(chain, 1), zero_point);
}

// The same where the zero point, one number, may depend on the picture.
static int centre_any(GcamChain *chain, int numbers, int zero_point)
{
    if (zero_point < 0 || chain->graph->value[zero_point].data)
        return centre(chain, numbers, zero_point, -2);
    return NODE(chain, "Sub", GCAM_CHAIN_PART, NULL, numbers,
                NODE(chain, "Reshape", GCAM_CHAIN_PART, NULL, zero_point, gcam_chain_ints(chain, 0, NULL)));
}

static int exchange(GcamChain *chain, int x, int to, int to_last)
{
    return to_last ? NODE(chain, "Transpose", to, ATTRIBUTES(INTS("perm", 0, 2, 3, 1)), x)
                   : NODE(chain, "Transpose", to, ATTRIBUTES(INTS("perm", 0, 3, 1, 2)), x);
}

// The output of a product of integers: times `scale`, which is that of both factors, through that of y, at `at`. As the
// integer operators compute it, so that sums are exact and rounding is theirs.
static void give_product(GcamChain *chain, int product, int scale, int at)
{
    const int by = gcam_chain_input(chain, at), to = gcam_chain_output(chain, 0);
    if (by < 0) {
        NODE(chain, "Mul", to, NULL, product, scale);
        return;
    }
    scale = NODE(chain, "Div", GCAM_CHAIN_PART, NULL, scale, by);
    NODE(chain, "QuantizeLinear", to, NULL, NODE(chain, "Mul", GCAM_CHAIN_PART, NULL, product, scale),
         gcam_chain_number(chain, 1), gcam_chain_input(chain, at + 1));
}

// x, scale, zero, w, scale, zero, y's scale, zero, bias: an int32, of which 1 is the product of both scales.
static void make_conv(GcamChain *chain)
{
    const int last = gcam_node_int(&chain->whole, "channels_last", 0) != 0, bias = gcam_chain_input(chain, 8);
    int x = centre(chain, gcam_chain_input(chain, 0), gcam_chain_input(chain, 2), 1);
    int w = centre(chain, gcam_chain_input(chain, 3), gcam_chain_input(chain, 5), 0);
    int b = bias < 0 ? -1 : centre(chain, bias, -1, 0);
    int scale = NODE(chain, "Mul", GCAM_CHAIN_PART, NULL, gcam_chain_input(chain, 1), gcam_chain_input(chain, 4));
    int y = NODE(chain, "Conv", GCAM_CHAIN_PART, gcam_chain_attributes(chain),
                 last ? exchange(chain, x, GCAM_CHAIN_PART, 0) : x, w, b);
    if (last)
        y = exchange(chain, y, GCAM_CHAIN_PART, 1);
    else
        scale = NODE(chain, "Reshape", GCAM_CHAIN_PART, NULL, scale, LIST(chain, -1, 1, 1));
    give_product(chain, y, scale, 6);
}

// a, scale, zero, one each or one for each row, b, scale, zero, one each or one for each column, y's scale, zero
static void make_matmul(GcamChain *chain)
{
    int a = centre(chain, gcam_chain_input(chain, 0), gcam_chain_input(chain, 2), -2);
    int b = centre(chain, gcam_chain_input(chain, 3), gcam_chain_input(chain, 5), -1);
    int rows = NODE(chain, "Reshape", GCAM_CHAIN_PART, NULL, gcam_chain_input(chain, 1), LIST(chain, -1, 1));
    give_product(chain, NODE(chain, "MatMul", GCAM_CHAIN_PART, NULL, a, b),
                 NODE(chain, "Mul", GCAM_CHAIN_PART, NULL, rows, gcam_chain_input(chain, 4)), 6);
}

// a, scale, zero, b, scale, zero, c, y's scale, zero. c is an int32, of which 1 is alpha times both scales.
static void make_gemm(GcamChain *chain)
{
    const int64_t turned[2] = { gcam_node_int(&chain->whole, "transA", 0), gcam_node_int(&chain->whole, "transB", 0) };
    int a = centre(chain, gcam_chain_input(chain, 0), gcam_chain_input(chain, 2), 1);
    int b = centre(chain, gcam_chain_input(chain, 3), gcam_chain_input(chain, 5), turned[1] ? 0 : 1);
    int c = gcam_chain_input(chain, 6);
    int y = NODE(chain, "Gemm", GCAM_CHAIN_PART, ATTRIBUTES(INT("transA", turned[0]), INT("transB", turned[1])), a, b,
                 c < 0 ? c : centre(chain, c, -1, 0));
    int scale = NODE(chain, "Mul", GCAM_CHAIN_PART, NULL, gcam_chain_input(chain, 1), gcam_chain_input(chain, 4));
    scale = NODE(chain, "Mul", GCAM_CHAIN_PART, NULL, scale,
                 gcam_chain_number(chain, gcam_node_float(&chain->whole, "alpha", 1)));
    give_product(chain, y, scale, 7);
}

// Of two tensors: a, scale, zero, b, scale, zero, y's scale, zero.
static void make_binary(GcamChain *chain)
{
    int a = take(chain, 0), b = take(chain, 3);
    give(chain, NODE(chain, gcam_chain_rule(chain->whole.domain, chain->whole.type)->data, GCAM_CHAIN_PART, NULL, a, b),
         6);
}

// Of one tensor, with the attributes of the whole: x, scale, zero, y's scale, zero.
static void make_unary(GcamChain *chain)
{
    const char *by = gcam_chain_rule(chain->whole.domain, chain->whole.type)->data;
    const int last = gcam_node_int(&chain->whole, "channels_last", 0) != 0;
    int x = take(chain, 0);
    if (last)
        x = exchange(chain, x, GCAM_CHAIN_PART, 0);
    int y = NODE(chain, by, GCAM_CHAIN_PART, gcam_chain_attributes(chain), x);
    give(chain, last ? exchange(chain, y, GCAM_CHAIN_PART, 1) : y, 3);
}

// Below opset 13 of the attribute, Softmax is over all dimensions from the axis on.
static void make_softmax(GcamChain *chain)
{
    if (gcam_node_int(&chain->whole, "opset", 13) < 13 && gcam_node_int(&chain->whole, "axis", -1) != -1) {
        chain->refusal = "a softmax over several dimensions";
        return;
    }
    int y = NODE(chain, "Softmax", GCAM_CHAIN_PART,
                 ATTRIBUTES(INT("axis", gcam_node_int(&chain->whole, "axis", -1))), take(chain, 0));
    give(chain, y, 3);
}

// y's scale, zero, then x, scale, zero of each.
static void make_concat(GcamChain *chain)
{
    const int count = (chain->whole.inputs - 2) / 3;
    if (chain->whole.inputs < 5 || count > 64) {
        chain->refusal = "so many inputs";
        return;
    }
    int part[64];
    for (int i = 0; i < count; i++)
        part[i] = take(chain, 2 + 3 * i);
    give(chain, gcam_chain_node(chain, "Concat", GCAM_CHAIN_PART, gcam_chain_attributes(chain), count, part), 0);
}

// condition, x, scale, zero, y, scale, zero, z's scale, zero
static void make_where(GcamChain *chain)
{
    int x = take(chain, 1), y = take(chain, 4);
    give(chain, NODE(chain, "Where", GCAM_CHAIN_PART, NULL, gcam_chain_input(chain, 0), x, y), 7);
}

// x, w, zero point of x, of w
static void make_conv_integer(GcamChain *chain)
{
    int x = centre_any(chain, gcam_chain_input(chain, 0), gcam_chain_input(chain, 2));
    int w = centre(chain, gcam_chain_input(chain, 1), gcam_chain_input(chain, 3), 0);
    NODE(chain, "Conv", gcam_chain_output(chain, 0), gcam_chain_attributes(chain), x, w);
}

// a, b, zero point of a, of b
static void make_matmul_integer(GcamChain *chain)
{
    int a = centre_any(chain, gcam_chain_input(chain, 0), gcam_chain_input(chain, 2));
    int b = centre(chain, gcam_chain_input(chain, 1), gcam_chain_input(chain, 3), -1);
    NODE(chain, "MatMul", gcam_chain_output(chain, 0), NULL, a, b);
}

// a product of integers, as numbers: times both scales, plus a bias
static void scale_product(GcamChain *chain, int product, int a_scale, int b_scale, int bias)
{
    const int to = gcam_chain_output(chain, 0);
    int scale = NODE(chain, "Mul", GCAM_CHAIN_PART, NULL, a_scale, b_scale);
    int y = NODE(chain, "Mul", bias < 0 ? to : GCAM_CHAIN_PART, NULL, product, scale);
    if (bias >= 0)
        NODE(chain, "Add", to, NULL, y, bias);
}

// a, b, scale of a, of b, zero point of a, of b, bias
static void make_matmul_to_float(GcamChain *chain)
{
    int a = centre_any(chain, gcam_chain_input(chain, 0), gcam_chain_input(chain, 4));
    int b = centre(chain, gcam_chain_input(chain, 1), gcam_chain_input(chain, 5), -1);
    scale_product(chain, NODE(chain, "MatMul", GCAM_CHAIN_PART, NULL, a, b), gcam_chain_input(chain, 2),
                  gcam_chain_input(chain, 3), gcam_chain_input(chain, 6));
}

// a, in float, b, scale and zero point of b, bias
static void make_dynamic_matmul(GcamChain *chain)
{
    int a[3] = { -1, -1, -1 };
    gcam_chain_add(chain, "DynamicQuantizeLinear", NULL, 1, (const int[]){ gcam_chain_input(chain, 0) }, 3, a);
    int numbers = centre_any(chain, a[0], a[2]);
    int b = centre(chain, gcam_chain_input(chain, 1), gcam_chain_input(chain, 3), -1);
    scale_product(chain, NODE(chain, "MatMul", GCAM_CHAIN_PART, NULL, numbers, b), a[1], gcam_chain_input(chain, 2),
                  gcam_chain_input(chain, 4));
}

// The same operator as ONNX's own.
static void make_same(GcamChain *chain)
{
    gcam_chain_node(chain, chain->whole.type, gcam_chain_output(chain, 0), gcam_chain_attributes(chain),
                    chain->whole.inputs, chain->whole.input);
}

#define MS "com.microsoft"

const GcamChainRule gcam_chains_quantised[] = {
    { "", "QLinearConv", make_conv, NULL }, { MS, "QLinearConv", make_conv, NULL },
    { "", "QLinearMatMul", make_matmul, NULL }, { MS, "QLinearMatMul", make_matmul, NULL },
    { "", "ConvInteger", make_conv_integer, NULL }, { "", "MatMulInteger", make_matmul_integer, NULL },
    { MS, "QGemm", make_gemm, NULL },
    { MS, "QLinearAdd", make_binary, "Add" }, { MS, "QLinearMul", make_binary, "Mul" },
    { MS, "QLinearSigmoid", make_unary, "Sigmoid" }, { MS, "QLinearLeakyRelu", make_unary, "LeakyRelu" },
    { MS, "QLinearAveragePool", make_unary, "AveragePool" },
    { MS, "QLinearGlobalAveragePool", make_unary, "GlobalAveragePool" },
    { MS, "QLinearReduceMean", make_unary, "ReduceMean" }, { MS, "QLinearSoftmax", make_softmax, NULL },
    { MS, "QLinearConcat", make_concat, NULL }, { MS, "QLinearWhere", make_where, NULL },
    { MS, "MatMulIntegerToFloat", make_matmul_to_float, NULL },
    { MS, "DynamicQuantizeMatMul", make_dynamic_matmul, NULL },
    { MS, "QuantizeLinear", make_same, NULL }, { MS, "DequantizeLinear", make_same, NULL }, { 0 },
};

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention (Vaswani et al. 2017), softmax(q k^T scale + mask) v, as ONNX has it from opset 23 on and as ONNX Runtime's
 * optimiser writes it, in the operators that exporters wrote before there was one: MatMul, Softmax, MatMul. So a plan
 * finds it as it finds theirs.
 *
 * Tensors of four dimensions are [batch, heads, tokens, width], of three [batch, tokens, heads x width].
 */
#include "chain.h"

#include <math.h>
#include <string.h>

typedef struct Attention {
    int q, k, v;                // four dimensions
    float scale;                // 0: 1 / sqrt(width)
    float softcap;              // 0: none
    int causal;                 // a query sees no key behind it
    int bias;                   // added to the logits, or -1
    int truth;                  // what says where a key is seen, or -1
} Attention;

// [batch, tokens, heads x width] to [batch, heads, tokens, width].
static int split_heads(GcamChain *chain, int x, int64_t heads)
{
    int split = NODE(chain, "Reshape", GCAM_CHAIN_PART, ATTRIBUTES(INT("of_rank", 3)), x,
                     LIST(chain, 0, 0, heads, -1));
    return NODE(chain, "Transpose", GCAM_CHAIN_PART, ATTRIBUTES(INTS("perm", 0, 2, 1, 3)), split);
}

static void join_heads(GcamChain *chain, int x, int to)
{
    int turned = NODE(chain, "Transpose", GCAM_CHAIN_PART, ATTRIBUTES(INTS("perm", 0, 2, 1, 3)), x);
    NODE(chain, "Reshape", to, NULL, turned, LIST(chain, 0, 0, -1));
}

// Dimensions from `first` to `end` of a value, as a list.
static int dims(GcamChain *chain, int x, int64_t first, int64_t end)
{
    return NODE(chain, "Shape", GCAM_CHAIN_PART, ATTRIBUTES(INT("start", first), INT("end", end)), x);
}

static int concat(GcamChain *chain, int a, int b, int c)
{
    return NODE(chain, "Concat", GCAM_CHAIN_PART, ATTRIBUTES(INT("axis", 0)), a, b, c);
}

// Keys or values with as many heads as there are queries': each for a group of these.
static int repeat_heads(GcamChain *chain, int x, int q)
{
    int times = NODE(chain, "Div", GCAM_CHAIN_PART, NULL, dims(chain, q, 1, 2), dims(chain, x, 1, 2));
    int row = NODE(chain, "Unsqueeze", GCAM_CHAIN_PART, NULL, x, LIST(chain, 2));
    int copies = NODE(chain, "Expand", GCAM_CHAIN_PART, NULL, row,
                      concat(chain, LIST(chain, 1, 1), times, LIST(chain, 1, 1)));
    int shape = NODE(chain, "Concat", GCAM_CHAIN_PART, ATTRIBUTES(INT("axis", 0)), LIST(chain, 0, -1),
                     dims(chain, x, 2, 4));
    return NODE(chain, "Reshape", GCAM_CHAIN_PART, NULL, copies, shape);
}

// 1 / sqrt(width), a number once shapes are known.
static int usual_scale(GcamChain *chain, int q)
{
    int width = NODE(chain, "Cast", GCAM_CHAIN_PART, ATTRIBUTES(INT("to", GCAM_TYPE_FLOAT)), dims(chain, q, 3, 4));
    int root = NODE(chain, "Sqrt", GCAM_CHAIN_PART, NULL, width);
    return NODE(chain, "Div", GCAM_CHAIN_PART, NULL, gcam_chain_number(chain, 1), root);
}

// -inf above the diagonal, of as many rows as there are queries.
static int causal_bias(GcamChain *chain, int q, int k)
{
    int shape = NODE(chain, "Concat", GCAM_CHAIN_PART, ATTRIBUTES(INT("axis", 0)), dims(chain, q, 2, 3),
                     dims(chain, k, 2, 3));
    int all = NODE(chain, "Expand", GCAM_CHAIN_PART, NULL, gcam_chain_number(chain, -INFINITY), shape);
    return NODE(chain, "Trilu", GCAM_CHAIN_PART, ATTRIBUTES(INT("upper", 1)), all, LIST(chain, 1));
}

// The result, of four dimensions.
static int attend(GcamChain *chain, const Attention *a, int to)
{
    int turned = NODE(chain, "Transpose", GCAM_CHAIN_PART, ATTRIBUTES(INTS("perm", 0, 1, 3, 2)), a->k);
    int logits = NODE(chain, "MatMul", GCAM_CHAIN_PART, NULL, a->q, turned);
    int scale = a->scale != 0 ? gcam_chain_number(chain, a->scale) : usual_scale(chain, a->q);
    logits = NODE(chain, "Mul", GCAM_CHAIN_PART, NULL, logits, scale);
    if (a->softcap != 0) {
        logits = NODE(chain, "Mul", GCAM_CHAIN_PART, NULL, logits, gcam_chain_number(chain, 1 / a->softcap));
        logits = NODE(chain, "Tanh", GCAM_CHAIN_PART, NULL, logits);
        logits = NODE(chain, "Mul", GCAM_CHAIN_PART, NULL, logits, gcam_chain_number(chain, a->softcap));
    }
    int bias = a->bias;
    if (a->truth >= 0)
        bias = NODE(chain, "Where", GCAM_CHAIN_PART, NULL, a->truth, gcam_chain_number(chain, 0),
                    gcam_chain_number(chain, -INFINITY));
    if (bias >= 0)
        logits = NODE(chain, "Add", GCAM_CHAIN_PART, NULL, logits, bias);
    if (a->causal)
        logits = NODE(chain, "Add", GCAM_CHAIN_PART, NULL, logits, causal_bias(chain, a->q, a->k));
    int shares = NODE(chain, "Softmax", GCAM_CHAIN_PART, ATTRIBUTES(INT("axis", -1)), logits);
    return NODE(chain, "MatMul", to, NULL, shares, a->v);
}

// Whether a tensor is of truth values, as far as the graph up to here tells: by its type, what makes it, or what that
// only moves.
static int is_truth(const GcamGraph *graph, int value)
{
    static const char *const makes[] = { "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "And",
                                         "Or", "Xor", "IsNaN", "IsInf" };
    static const char *const moves[] = { "Identity", "Reshape", "Unsqueeze", "Squeeze", "Expand", "Transpose", "Slice",
                                         "Tile", "Concat", "Trilu", "Flatten", "Gather", "Split", "EyeLike" };
    for (int steps = 0; value >= 0 && steps < 256; steps++) {
        const GcamValue *v = &graph->value[value];
        if (v->node < 0)
            return v->type == GCAM_TYPE_BOOL;
        const GcamNode *node = &graph->node[v->node];
        const GcamAttribute *tensor = gcam_node_attribute(node, "value");
        if (!strcmp(node->type, "Constant") || !strcmp(node->type, "ConstantOfShape"))
            return tensor && tensor->has_tensor && tensor->tensor.type == GCAM_TYPE_BOOL;
        if (!strcmp(node->type, "Cast"))
            return gcam_node_int(node, "to", 0) == GCAM_TYPE_BOOL;
        int moved = !strcmp(node->type, "Where");       // of a condition, and what it picks
        for (size_t i = 0; i < sizeof(makes) / sizeof(makes[0]); i++)
            if (!strcmp(node->type, makes[i]))
                return 1;
        for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++)
            moved |= !strcmp(node->type, moves[i]);
        const int input = !strcmp(node->type, "Where");
        value = moved && node->inputs > input ? node->input[input] : -1;
    }
    return 0;
}

static void set_mask(GcamChain *chain, Attention *a, int mask)
{
    const int truth = mask >= 0 && is_truth(chain->graph, mask);
    a->bias = truth ? -1 : mask;
    a->truth = truth ? mask : -1;
}

// ONNX's own: q, k, v, mask, keys and values of the past, how many keys count; y, keys and values, logits.
static void make_attention(GcamChain *chain)
{
    const GcamNode *whole = &chain->whole;
    const int64_t q_heads = gcam_node_int(whole, "q_num_heads", 0), heads = gcam_node_int(whole, "kv_num_heads", 0);
    Attention a = { .q = gcam_chain_input(chain, 0), .k = gcam_chain_input(chain, 1), .v = gcam_chain_input(chain, 2),
                    .scale = gcam_node_float(whole, "scale", 0), .softcap = gcam_node_float(whole, "softcap", 0),
                    .causal = gcam_node_int(whole, "is_causal", 0) != 0 };
    if (gcam_chain_input(chain, 4) >= 0 || gcam_chain_input(chain, 5) >= 0 || gcam_chain_input(chain, 6) >= 0)
        chain->refusal = "keys of the past";
    else if (gcam_chain_output(chain, 3) >= 0)
        chain->refusal = "its logits as an output";
    else if (gcam_node_int(whole, "left_window_size", -1) >= 0 || gcam_node_int(whole, "right_window_size", -1) >= 0)
        chain->refusal = "a window";
    else if (q_heads < 0 || heads < 0 || (q_heads > 0) != (heads > 0) || a.k < 0 || a.v < 0)
        chain->refusal = "such heads";
    if (chain->refusal)
        return;
    if (q_heads) {
        a.q = split_heads(chain, a.q, q_heads);
        a.k = split_heads(chain, a.k, heads);
        a.v = split_heads(chain, a.v, heads);
    }
    if (gcam_chain_output(chain, 1) >= 0)
        NODE(chain, "Identity", gcam_chain_output(chain, 1), NULL, a.k);
    if (gcam_chain_output(chain, 2) >= 0)
        NODE(chain, "Identity", gcam_chain_output(chain, 2), NULL, a.v);
    if (!q_heads || q_heads != heads) {
        a.k = repeat_heads(chain, a.k, a.q);
        a.v = repeat_heads(chain, a.v, a.q);
    }
    set_mask(chain, &a, gcam_chain_input(chain, 3));
    if (q_heads)
        join_heads(chain, attend(chain, &a, GCAM_CHAIN_PART), gcam_chain_output(chain, 0));
    else
        attend(chain, &a, gcam_chain_output(chain, 0));
}

// com.microsoft.Attention: x, weights and bias of q, k and v side by side, mask, past, what is added to the logits.
static void make_packed(GcamChain *chain)
{
    const GcamNode *whole = &chain->whole;
    const int64_t heads = gcam_node_int(whole, "num_heads", 0);
    const GcamAttribute *sizes = gcam_node_attribute(whole, "qkv_hidden_sizes");
    if (gcam_chain_input(chain, 3) >= 0 || gcam_chain_input(chain, 4) >= 0 || gcam_node_int(whole, "do_rotary", 0))
        chain->refusal = "a mask by lengths, a past or rotation";
    else if (heads < 1 || gcam_chain_input(chain, 1) < 0)
        chain->refusal = "such heads";
    if (chain->refusal)
        return;
    int x = NODE(chain, "MatMul", GCAM_CHAIN_PART, NULL, gcam_chain_input(chain, 0), gcam_chain_input(chain, 1));
    int part[3] = { -1, -1, -1 };
    if (gcam_chain_input(chain, 2) >= 0)
        x = NODE(chain, "Add", GCAM_CHAIN_PART, NULL, x, gcam_chain_input(chain, 2));
    const GcamAttribute split[] = { INT("axis", -1),
                                    { .name = sizes && sizes->int_count == 3 ? "split" : NULL,
                                      .ints = sizes ? sizes->ints : NULL, .int_count = sizes ? sizes->int_count : 0 },
                                    { .name = NULL } };
    gcam_chain_add(chain, "Split", split, 1, &x, 3, part);
    Attention a = { .scale = gcam_node_float(whole, "scale", 0),
                    .causal = gcam_node_int(whole, "unidirectional", 0) != 0,
                    .bias = gcam_chain_input(chain, 5), .truth = -1 };
    a.q = split_heads(chain, part[0], heads);
    a.k = split_heads(chain, part[1], heads);
    a.v = split_heads(chain, part[2], heads);
    join_heads(chain, attend(chain, &a, GCAM_CHAIN_PART), gcam_chain_output(chain, 0));
}

// com.microsoft.MultiHeadAttention: q, k, v, bias of them side by side, mask, what is added to the logits, past.
static void make_multi_head(GcamChain *chain)
{
    const GcamNode *whole = &chain->whole;
    const int64_t heads = gcam_node_int(whole, "num_heads", 0);
    int x[3] = { gcam_chain_input(chain, 0), gcam_chain_input(chain, 1), gcam_chain_input(chain, 2) };
    int bias = gcam_chain_input(chain, 3), part[3] = { -1, -1, -1 };
    if (x[1] < 0 || x[2] < 0)
        chain->refusal = "queries, keys and values in one";
    else if (gcam_chain_input(chain, 4) >= 0 || gcam_chain_input(chain, 6) >= 0 || gcam_chain_input(chain, 7) >= 0)
        chain->refusal = "a mask by lengths, or a past";
    else if (heads < 1 || gcam_chain_output(chain, 1) >= 0 || gcam_chain_output(chain, 2) >= 0)
        chain->refusal = "such heads or outputs";
    if (chain->refusal)
        return;
    if (bias >= 0)
        gcam_chain_add(chain, "Split", ATTRIBUTES(INT("axis", -1)), 1, &bias, 3, part);
    for (int i = 0; i < 3; i++) {
        if (bias >= 0)
            x[i] = NODE(chain, "Add", GCAM_CHAIN_PART, NULL, x[i], part[i]);
        x[i] = split_heads(chain, x[i], heads);
    }
    const Attention a = { .q = x[0], .k = x[1], .v = x[2], .scale = gcam_node_float(whole, "scale", 0),
                          .causal = gcam_node_int(whole, "unidirectional", 0) != 0,
                          .bias = gcam_chain_input(chain, 5), .truth = -1 };
    join_heads(chain, attend(chain, &a, GCAM_CHAIN_PART), gcam_chain_output(chain, 0));
}

const GcamChainRule gcam_chains_attention[] = {
    { "", "Attention", make_attention, NULL }, { "com.microsoft", "Attention", make_packed, NULL },
    { "com.microsoft", "MultiHeadAttention", make_multi_head, NULL }, { 0 },
};

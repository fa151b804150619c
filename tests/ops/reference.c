/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A naive interpreter of ONNX graphs. Operators are in the files of their families, reference_*.c, and in the table.
 */
#include "ops/reference_ops.h"

#include "base/half.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP 1e-5

// -------------------------------------------------------------------------------------------- the table

static const struct {
    const char *types;          // with a space before and after each
    void (*run)(Op *op);
} table[] = {
    { " Relu LeakyRelu ThresholdedRelu Clip Sigmoid HardSigmoid HardSwish Tanh Elu Selu Celu Softplus "
      "Softsign Mish Erf "
      "Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Sign Round Swish Shrink "
      "Gelu Sqrt Exp Log Neg Abs Reciprocal Floor Ceil Not IsNaN IsInf Cast Identity Dropout ",
      op_unary },
    { " Sum Mean Max Min ", op_several },
    { " Add Sub Mul Div Pow PRelu Mod Equal Greater Less GreaterOrEqual LessOrEqual And Or Xor ", op_binary },
    { " Conv ", op_conv },
    { " ConvTranspose ", op_conv_transpose },
    { " Col2Im ", op_col2im },
    { " Gemm ", op_gemm },
    { " MatMul ", op_matmul },
    { " Einsum ", op_einsum },
    { " MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool ", op_pool },
    { " BatchNormalization ", op_batch_norm },
    { " LayerNormalization ", op_layer_norm },
    { " InstanceNormalization GroupNormalization MeanVarianceNormalization ", op_group_norm },
    { " LRN ", op_lrn },
    { " ReduceMean ReduceSum ReduceProd ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum "
      "ReduceLogSumExp ", op_reduce },
    { " Softmax LogSoftmax ", op_softmax },
    { " Hardmax ", op_hardmax },
    { " LpNormalization ", op_lp_norm },
    { " Concat ", op_concat },
    { " Split ", op_split },
    { " Slice ", op_slice },
    { " Pad ", op_pad },
    { " Transpose ", op_transpose },
    { " Expand ", op_expand },
    { " DepthToSpace SpaceToDepth ", op_blocks },
    { " Resize Upsample ", op_resize },
    { " GridSample ", op_grid_sample },
    { " Tile ", op_tile },
    { " Gather ", op_gather },
    { " Reshape Flatten Squeeze Unsqueeze ", op_view },
    { " Shape ", op_shape },
    { " Range ", op_range },
    { " Where ", op_where },
    { " FusedConv FusedGemm ", op_fused_product },
    { " FusedMatMul TransposeMatMul ", op_fused_matmul },
    { " BiasGelu FastGelu QuickGelu ", op_fused_gelu },
    { " RMSNormalization SimplifiedLayerNormalization ", op_rms_norm },
    { " SkipLayerNormalization SkipSimplifiedLayerNormalization ", op_skip_norm },
    { " GroupNorm ", op_group_norm_last },
    { " Attention ", op_attention },
    { " MultiHeadAttention ", op_multi_head },
    { " GatherElements ", op_gather_elements },
    { " GatherND ", op_gather_nd },
    { " ScatterElements Scatter ScatterND ", op_scatter },
    { " TopK ", op_topk },
    { " ArgMax ArgMin ", op_arg },
    { " CumSum ", op_cumsum },
    { " NonZero ", op_non_zero },
    { " OneHot ", op_one_hot },
    { " RNN LSTM GRU ", op_recurrent },
    { " QuantizeLinear ", op_quantize },
    { " DequantizeLinear ", op_dequantize },
    { " DynamicQuantizeLinear ", op_dynamic_quantize },
    { " QLinearConv QLinearMatMul QGemm QLinearAdd QLinearMul QLinearSigmoid QLinearLeakyRelu QLinearAveragePool "
      "QLinearGlobalAveragePool QLinearReduceMean QLinearSoftmax QLinearConcat QLinearWhere ", op_qlinear },
    { " ConvInteger MatMulInteger MatMulIntegerToFloat DynamicQuantizeMatMul ", op_integer },
    { " Trilu ", op_trilu },
    { " EyeLike ", op_eye_like },
    { " Size ", op_size },
};

static void run_node(Reference *reference, const GraphNode *node)
{
    Op op = { .reference = reference, .node = node };
    char type[GRAPH_NAME + 2];
    snprintf(type, sizeof(type), " %s ", node->type);
    for (int i = 0; i < node->inputs; i++)
        if (node->input[i][0] && !(op.in[i] = reference_find(reference, node->input[i]))) {
            fprintf(stderr, "the reference has no tensor '%s'\n", node->input[i]);
            exit(2);
        }
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strstr(table[i].types, type)) {
            table[i].run(&op);
            return;
        }
    fprintf(stderr, "the reference has no operator '%s'\n", node->type);
    exit(2);
}

static double element(const GraphTensor *from, size_t k)
{
    switch (from->type) {
    case 2: case 9: return ((const uint8_t *)from->data)[k];
    case 3: return ((const int8_t *)from->data)[k];
    case 4: return ((const uint16_t *)from->data)[k];
    case 5: return ((const int16_t *)from->data)[k];
    case 6: return ((const int32_t *)from->data)[k];
    case 7: return (double)((const int64_t *)from->data)[k];
    case 10: return gcam_half_to_float(((const uint16_t *)from->data)[k]);
    }
    return ((const float *)from->data)[k];
}

Reference *reference_create(const Graph *graph)
{
    Reference *reference = calloc(1, sizeof(*reference));
    size_t dim[GRAPH_RANK];
    if (!reference)
        exit(2);
    reference->graph = graph;
    for (int i = 0; i < graph->tensors + graph->inputs; i++) {
        const GraphTensor *from = i < graph->tensors ? &graph->tensor[i] : &graph->input[i - graph->tensors];
        RefTensor *to = add_tensor(reference, from->name);
        for (int d = 0; d < from->rank; d++)
            dim[d] = (size_t)from->dim[d];
        reshape(to, from->rank, dim);
        to->type = from->type;
        for (size_t k = 0; k < to->count; k++)
            to->data[k] = from->data ? element(from, k) : 0;
    }
    return reference;
}

void reference_free(Reference *reference)
{
    for (int i = 0; reference && i < reference->tensors; i++)
        free(reference->tensor[i].data), free(reference->tensor[i].rounding);
    free(reference);
}

RefTensor *reference_find(Reference *reference, const char *name)
{
    for (int i = 0; i < reference->tensors; i++)
        if (!strcmp(reference->tensor[i].name, name))
            return &reference->tensor[i];
    return NULL;
}

void reference_run(Reference *reference)
{
    for (int i = 0; i < reference->graph->nodes; i++) {
        const GraphNode *node = &reference->graph->node[i];
        int fixed = 0;
        for (int k = 0; reference->fixed && k < node->outputs; k++)
            fixed |= !strcmp(node->output[k], reference->fixed);
        if (!fixed)
            run_node(reference, node);
    }
}

double reference_score(const RefTensor *logits, const int *classes, size_t count)
{
    double sum = 0, top = -INFINITY;
    for (size_t i = 0; i < count; i++)
        top = fmax(top, logits->data[classes[i]]);
    for (size_t i = 0; i < count; i++)
        sum += exp(logits->data[classes[i]] - top);
    return top + log(sum);
}

void reference_gradient(Reference *reference, const char *tensor, const char *logits, const int *classes,
                        size_t count, double *gradient)
{
    RefTensor *t = reference_find(reference, tensor);
    reference->fixed = tensor;
    for (size_t i = 0; i < t->count; i++) {
        double was = t->data[i], score[2];
        for (int side = 0; side < 2; side++) {
            t->data[i] = was + (side ? STEP : -STEP);
            reference_run(reference);
            score[side] = reference_score(reference_find(reference, logits), classes, count);
        }
        gradient[i] = (score[1] - score[0]) / (2 * STEP);
        t->data[i] = was;
    }
    reference->fixed = NULL;
    reference_run(reference);
}

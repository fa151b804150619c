/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 600
 *
 * Every operator in small graphs: forward against the reference in double, backward against central
 * differences of it (step 1e-5), each with its input stored channels last and in plain order. An operator of
 * the library without a case fails.
 *
 * A case is the text of a graph from tensor `a` to tensor `y`; a: 1x3x6x6. Random data keeps away from kinks
 * by more than the step, or the case says its range.
 */
#include "ops/check.h"

#include "ops/ops.h"

typedef struct Case {
    const char *text;
    float low, high;            // range of the picture, both 0: -1..1
    int opset;                  // 0: 17
} Case;

#define CASE(...) { CASE_FIELDS(__VA_ARGS__, 0, 0, 0, 0) }
// Updates of rows of a constant, two of them of the same one.
#define SCATTERED "i = Reshape(#0/2/0, #3/1); w = ScatterND(%3x6, i, %3x6) "
#define CASE_FIELDS(text, low, high, opset, ...) text, low, high, opset

static const Case cases[] = {
    // ---- one input
    CASE("y = Relu(a)"),
    CASE("y = LeakyRelu(a)"),
    CASE("y = LeakyRelu(a) alpha=0.3"),
    CASE("y = ThresholdedRelu(a) alpha=0.25"),
    CASE("y = ThresholdedRelu(a)", -3, 3),
    CASE("y = Clip(a, =-0.3, =0.4)"),
    CASE("y = Clip(a, _, =0.4)"),
    CASE("y = Clip(a, =-0.3)"),
    CASE("y = Clip(a)"),
    CASE("b = Clip(a, =0.4, =-0.3); y = Add(a, b)"),        // the upper bound holds
    CASE("y = Clip(a) min=-0.5 max=0.5", 0, 0, 6),
    CASE("y = Sigmoid(a)", -9, 9),
    CASE("y = HardSigmoid(a)", -4, 4),
    CASE("y = HardSigmoid(a) alpha=0.3 beta=0.4", -4, 4),
    CASE("y = HardSwish(a)", -5, 5),
    CASE("y = Tanh(a)"),
    CASE("y = Tanh(a)", -0.2f, 0.2f),
    CASE("y = Tanh(a)", -9, 9),
    CASE("y = Elu(a)", -3, 3),
    CASE("y = Elu(a) alpha=0.5"),
    CASE("y = Selu(a)", -3, 3),
    CASE("y = Selu(a) alpha=1.5 gamma=1.2"),
    CASE("y = Celu(a)", -3, 3),
    CASE("y = Celu(a) alpha=2.5", -3, 3),
    CASE("y = Softplus(a)", -9, 9),
    CASE("y = Softplus(a)", 15, 25),
    CASE("y = Softsign(a)"),
    CASE("y = Mish(a)", -6, 6),
    CASE("y = Erf(a)", -2, 2),
    CASE("y = Gelu(a)", -4, 4, 20),
    CASE("y = Sqrt(a)", 0.1f, 2),
    CASE("y = Exp(a)"),
    CASE("y = Exp(a)", -9, 3),
    CASE("y = Log(a)", 0.1f, 2),
    CASE("y = Neg(a)"),
    CASE("y = Abs(a)"),
    CASE("y = Reciprocal(a)", 0.2f, 2),
    CASE("b = Reciprocal(a); y = Abs(b)", -2, -0.2f),
    CASE("y = Gelu(a) approximate=tanh", -4, 4, 20),
    CASE("y = Gelu(a) approximate=none", -4, 4, 20),
    CASE("y = Swish(a)", -6, 6, 24),
    CASE("y = Swish(a) alpha=1.7", -6, 6, 24),
    CASE("y = Shrink(a)"),
    CASE("y = Shrink(a) lambd=0.25 bias=0.125"),
    CASE("y = Sin(a)", -9, 9),
    CASE("y = Cos(a)", -9, 9),
    CASE("y = Tan(a)"),
    CASE("y = Asin(a)", -0.9f, 0.9f),
    CASE("y = Acos(a)", -0.9f, 0.9f),
    CASE("y = Atan(a)", -3, 3),
    CASE("y = Sinh(a)", -3, 3),
    CASE("y = Cosh(a)", -3, 3),
    CASE("y = Asinh(a)", -3, 3),
    CASE("y = Acosh(a)", 1.1f, 3),
    CASE("y = Atanh(a)", -0.9f, 0.9f),
    CASE("b = Sign(a); y = Mul(a, b)"),
    CASE("b = Round(a); y = Mul(a, b)", -3, 3),
    CASE("b = Floor(a); y = Sub(a, b)", -3, 3),
    CASE("b = Ceil(a); y = Mul(a, b)", -3, 3),
    // ---- truth values
    CASE("c = Greater(a, %3x1x1); y = Where(c, a, =0.25)"),
    CASE("c = Less(a, =0.1); b = Exp(a); y = Where(c, b, a)"),
    CASE("c = GreaterOrEqual(a, %6x6); y = Where(c, %1x3x6x6, a)"),
    CASE("c = LessOrEqual(%6, a); d = Not(c); y = Where(d, a, %6x1)"),
    CASE("g = GlobalAveragePool(a); c = Greater(a, g); b = Mul(a, %2x1x1x1); y = Where(c, g, b)"),
    CASE("g = ReduceMean(a) axes=[1]; c = Less(g, =0.0); y = Where(c, a, g)"),
    CASE("b = Reshape(a, #9/12); c = Greater(b, %12); d = ReduceMean(b) axes=[0] keepdims=0; y = Where(c, d, b)"),
    CASE("c = Greater(a, =0.1); d = Less(a, =0.6); e = And(c, d); y = Where(e, a, %6)"),
    CASE("c = Greater(a, =0.5); d = Less(a, %3x1x1@-1:0); e = Or(c, d); f = Cast(e) to=1; y = Mul(f, a)"),
    CASE("c = Greater(a, =0.0); d = Less(%6x6, =0.0); e = Xor(c, d); f = Cast(e) to=1; y = Mul(a, f)"),
    CASE("b = Round(a); c = Equal(b, =1.0); y = Where(c, a, =0.5)", -3, 3),
    CASE("b = Cast(a) to=7; y = Mul(a, b)", -3, 3),
    CASE("b = Relu(a); c = Cast(b) to=9; d = Cast(c) to=1; y = Mul(a, d)"),
    CASE("b = Log(a); c = IsNaN(b); y = Where(c, a, b)", -0.9f, 0.9f),
    CASE("v = Cast(#0/1/0/1/1/0) to=1; w = Log(v); b = Add(a, w); c = IsInf(b); e = Cast(c) to=1; y = Mul(a, e)"),
    CASE("v = Cast(#0/1/0/1/1/0) to=1; w = Log(v); b = Add(a, w); f = Sub(=0.0, w); d = Max(b, f); "
         "c = IsInf(d) detect_negative=0; n = Not(c); y = Where(n, a, =0.5)"),
    CASE("w = Xor(#0/0/1/1/0/5, #0/1/0/1/2/2); v = Cast(w) to=1; y = Mul(a, v)"),
    // ---- two inputs, broadcast in all ways
    CASE("y = Add(a, %1x3x6x6)"),
    CASE("y = Add(%3x1x1, a)"),
    CASE("y = Add(a, =0.5)"),
    CASE("y = Add(a, %6)"),
    CASE("y = Add(a, %6x1)"),
    CASE("y = Add(a, a)"),
    CASE("y = Sub(a, %1x3x1x1)"),
    CASE("y = Sub(%3x6x6, a)"),
    CASE("b = Sub(=1.0, a); y = Sub(b, a)"),
    CASE("y = Mul(a, %1)"),
    CASE("y = Mul(%2x3x1x6, a)"),
    CASE("y = Mul(a, a)"),
    CASE("g = GlobalAveragePool(a); y = Mul(a, g)"),
    CASE("g = GlobalAveragePool(a); y = Mul(g, a)"),
    CASE("g = ReduceMean(a) axes=[1]; y = Sub(a, g)"),
    CASE("g = ReduceMean(a) axes=[2] keepdims=1; y = Mul(g, a)"),
    CASE("g = ReduceMean(a) axes=[0,1] keepdims=0; b = Mul(a, %6x6); y = Add(g, b)"),
    CASE("y = Div(a, %3x1x1@0.5:2)"),
    CASE("y = Div(%1x3x6x6, a)", 0.5f, 2),
    CASE("b = Sqrt(a); y = Div(a, b)", 0.5f, 2),
    CASE("y = Pow(a, =2.0)"),
    CASE("y = Pow(a, =0.5)", 0.2f, 2),
    CASE("y = Pow(a, =3.0)", 0.2f, 2),
    CASE("y = Pow(a, =-1.5)", 0.5f, 2),
    CASE("y = Pow(=2.5, a)"),
    CASE("y = Pow(%3x1x1@0.5:2, a)"),
    CASE("y = Pow(a, a)", 0.5f, 2),
    CASE("y = Min(a, %3x1x1)"),
    CASE("y = Min(%1x3x6x6, a)"),
    CASE("y = Max(a, =0.1)"),
    CASE("y = Max(%6x6, a)"),
    CASE("b = Neg(a); y = Max(a, b)"),
    CASE("b = Sum(a); y = Exp(b)"),
    CASE("y = Sum(a, %3x1x1)"),
    CASE("b = Exp(a); y = Sum(a, %6, b, a)"),
    CASE("y = Mean(a, %1x3x6x6)"),
    CASE("g = GlobalAveragePool(a); y = Mean(g, a, %6x1)"),
    CASE("b = Mean(a); y = Exp(b)"),
    CASE("y = Max(a, %3x1x1, %6)"),
    CASE("b = Max(a); y = Exp(b)"),
    CASE("b = Neg(a); y = Min(b, %6x6, a, =0.25)"),
    CASE("w = Sum(%6, %3x1x1, =0.5); v = Max(w, %6, =0.1); y = Mul(a, v)"),
    CASE("y = PRelu(a, %3x1x1)"),
    CASE("y = PRelu(a, %3)"),
    CASE("y = PRelu(a, %1)"),
    CASE("y = PRelu(a, %1x1x1x1)"),
    CASE("b = Relu(a); y = PRelu(%1x3x6x6, b)"),
    CASE("y = Add(a, %3) axis=1 broadcast=1", 0, 0, 6),
    CASE("y = Mul(a, %3x6) axis=1 broadcast=1", 0, 0, 6),
    CASE("y = Sub(a, %6) axis=3 broadcast=1", 0, 0, 6),
    CASE("b = Reshape(a, #3/36); y = Add(b, %3x1)"),
    CASE("b = Reshape(a, #3/36); c = Reshape(a, #36/3); d = Transpose(c); y = Mul(b, d)"),
    CASE("b = Reshape(a, #3/1/36); c = Reshape(%4x1, #1/4/1); y = Mul(b, c)"),
    // ---- products
    CASE("y = Conv(a, %4x3x3x3, %4) pads=[1,1,1,1]"),
    CASE("y = Conv(a, %2x3x1x1)"),
    CASE("y = Conv(a, %3x1x3x3) group=3"),
    CASE("y = Conv(a, %6x1x3x2, %6) group=3 strides=[2,1] pads=[0,1,1,0]"),
    CASE("y = Conv(a, %2x3x2x2) dilations=[2,3]"),
    CASE("y = Conv(a, %2x3x3x3) auto_pad=SAME_UPPER strides=[2,2]"),
    CASE("y = Conv(a, %2x3x4x4) auto_pad=SAME_LOWER"),
    CASE("y = Conv(a, %2x3x3x3) auto_pad=VALID strides=[2,2]"),
    CASE("y = Conv(a, %2x3x3x3) kernel_shape=[3,3]"),
    CASE("b = Conv(a, %5x3x3x3) pads=[1,1,1,1]; y = Conv(b, %3x5x3x3)"),
    CASE("y = Conv(a, %2x3x6x6)"),
    CASE("b = Concat(a, a) axis=1; y = Conv(b, %4x3x1x1) group=2"),
    CASE("b = Reshape(a, #1/6/18); y = Conv(b, %4x6x3, %4) pads=[1,1]"),
    CASE("b = Reshape(a, #2/6/9); y = Conv(b, %4x3x4) group=2 strides=[2] pads=[2,0] dilations=[2]"),
    CASE("b = Reshape(a, #3/1/36); y = Conv(b, %1x1x5) auto_pad=SAME_UPPER strides=[3]"),
    CASE("b = Reshape(a, #1/3/3/3/4); y = Conv(b, %2x3x3x2x3, %2) pads=[1,0,1,1,1,0]"),
    CASE("b = Reshape(a, #1/4/3/3/3); y = Conv(b, %4x2x2x3x1) group=2 strides=[1,2,2] pads=[1,1,0,0,1,1]"),
    CASE("b = Reshape(a, #2/3/3/3/2); y = Conv(b, %3x1x2x2x2, %3) group=3 dilations=[2,1,1] auto_pad=SAME_LOWER"),
    CASE("b = Reshape(a, #1/12/9); y = Col2Im(b, #4/4, #2/2)", 0, 0, 18),
    CASE("b = Reshape(a, #1/12/9); y = Col2Im(b, #6/7, #3/2) strides=[2,3] pads=[1,0,0,1]", 0, 0, 18),
    CASE("b = Reshape(a, #1/6/18); y = Col2Im(b, #21, #3) dilations=[2] pads=[1,0]", 0, 0, 18),
    CASE("y = ConvTranspose(a, %3x4x3x3, %4)"),
    CASE("y = ConvTranspose(a, %3x2x3x2) strides=[2,3] pads=[1,0,0,1] output_padding=[1,2]"),
    CASE("y = ConvTranspose(a, %3x2x2x2) strides=[3,2] dilations=[2,1]"),
    CASE("y = ConvTranspose(a, %3x2x3x3, %6) group=3 strides=[2,2] pads=[1,1,1,1]"),
    CASE("b = Concat(a, a) axis=1; y = ConvTranspose(b, %6x2x3x3) group=2"),
    CASE("y = ConvTranspose(a, %3x2x3x3) strides=[2,2] output_shape=[12,11]"),
    CASE("y = ConvTranspose(a, %3x2x3x4) strides=[2,2] output_shape=[13,11] auto_pad=SAME_UPPER"),
    CASE("y = ConvTranspose(a, %3x2x3x4) strides=[2,3] auto_pad=SAME_UPPER"),
    CASE("y = ConvTranspose(a, %3x2x4x3) strides=[2,1] auto_pad=SAME_LOWER"),
    CASE("b = Reshape(a, #1/6/18); y = ConvTranspose(b, %6x2x4, %2) strides=[3] pads=[1,2]"),
    CASE("b = Reshape(a, #1/3/3/3/4); y = ConvTranspose(b, %3x2x2x3x2, %2) strides=[2,1,2] pads=[0,1,0,1,0,0]"),
    CASE("b = Flatten(a); y = Gemm(b, %108x5, %5)"),
    CASE("b = Flatten(a); y = Gemm(b, %5x108, %5) transB=1"),
    CASE("b = Flatten(a); y = Gemm(b, %5x108) transB=1 alpha=0.5"),
    CASE("b = Flatten(a); y = Gemm(b, %108x5, =0.5) beta=2.0"),
    CASE("b = Flatten(a); y = Gemm(b, %108x5, %1x5) alpha=-1.5 beta=0.5"),
    CASE("y = Gemm(a, %108x4)"),
    CASE("b = Reshape(a, #9/12); y = Gemm(b, %12x5, %5)"),
    CASE("b = Reshape(a, #9/12); y = Gemm(b, %5x12, %1) transB=1"),
    CASE("b = Reshape(a, #12/9); y = Gemm(b, %12x5) transA=1 alpha=0.5"),
    CASE("b = Reshape(a, #12/9); y = Gemm(b, %5x12, %5) transA=1 transB=1"),
    CASE("b = Reshape(a, #9/12); c = Reshape(a, #12/9); y = Gemm(b, c, %9)"),
    CASE("b = Reshape(a, #9/12); y = Gemm(b, b) transB=1 alpha=0.25"),
    CASE("b = Reshape(a, #9/12); y = Gemm(b, b) transA=1"),
    CASE("b = Reshape(a, #12/9); y = Gemm(%7x12, b)"),
    CASE("b = Reshape(a, #12/9); c = Reshape(a, #9/12); y = Gemm(b, c) transA=1 transB=1"),
    CASE("b = Reshape(a, #1/108); c = Reshape(a, #108/1); y = Gemm(b, c)"),
    CASE("y = MatMul(a, %6x4)"),
    CASE("b = Flatten(a); y = MatMul(b, %108x4)"),
    CASE("y = MatMul(a, %1x1x6x4)"),
    CASE("y = MatMul(a, %1x3x6x4)"),
    CASE("y = MatMul(%1x3x4x6, a)"),
    CASE("y = MatMul(%4x6, a)"),
    CASE("y = MatMul(a, a)"),
    CASE("b = Transpose(a) perm=[0,1,3,2]; y = MatMul(a, b)"),
    CASE("b = Reshape(a, #3/6/6); y = MatMul(b, %6x4)"),
    CASE("b = Reshape(a, #3/6/6); c = ReduceMean(b) axes=[0] keepdims=0; y = MatMul(c, b)"),
    CASE("b = Reshape(a, #3/6/6); c = ReduceMean(b) axes=[0]; y = MatMul(b, c)"),
    CASE("b = Reshape(a, #3/1/6/6); c = Reshape(a, #3/6/6); y = MatMul(b, c)"),
    CASE("b = Reshape(a, #3/1/6/6); c = Reshape(a, #2/3/6/3); d = Mul(a, %1x3x6x6); e = Reshape(d, #1/3/6/6); "
         "y = MatMul(b, e)"),
    CASE("b = Reshape(a, #3/2/3/6); y = MatMul(b, %2x6x5)"),
    CASE("b = Reshape(a, #3/2/3/6); y = MatMul(%4x1x1x5x3, b)"),
    CASE("b = Reshape(a, #3/1/1/6/6); c = Reshape(a, #1/3/2/6/3); y = MatMul(b, c)"),
    CASE("b = Reshape(a, #3/6/6); y = MatMul(b, %6)"),
    CASE("b = Reshape(a, #3/6/6); y = MatMul(%6, b)"),
    CASE("b = ReduceMean(a) axes=[0,1,2] keepdims=0; y = MatMul(b, a)"),
    CASE("b = ReduceMean(a) axes=[0,1,2] keepdims=0; y = MatMul(a, b)"),
    CASE("b = ReduceMean(a) axes=[0,1,2] keepdims=0; y = MatMul(b, b)"),
    CASE("y = Einsum(a) equation=bchw->bcwh"),
    CASE("y = Einsum(a) equation=bchw->hc"),
    CASE("y = Einsum(a) equation=bchh->bc"),
    CASE("y = Einsum(a) equation=bchh"),
    CASE("y = Einsum(a) equation=bchh->hbc"),
    CASE("y = Einsum(a) equation=bchw->", 0, 0, 11),
    CASE("b = Reshape(a, #1/3/36); c = ReduceMean(b) axes=[1] keepdims=0; y = Einsum(b, c) equation=bcn,bn->bc"),
    CASE("y = Einsum(a, %6x4) equation=bchw,wk->bhkc"),
    CASE("y = Einsum(a, a) equation=bchw,bdhw->bcd"),
    CASE("y = Einsum(a, a) equation=bchw,bchk->bhwk"),
    CASE("y = Einsum(a, %6) equation=bchw,h->bchw"),
    CASE("b = Reshape(a, #3/6/6); y = Einsum(b, %4, b) equation=cij,k,cjl->kcl"),
    CASE("b = Reshape(a, #3/6/6); y = Einsum(b, %3x6) equation=nij,nj"),
    CASE("b = Reshape(a, #3/6/6); y = Einsum(%2x1x4x6, b) equation=...ij,...jk->...ik"),
    CASE("b = Reshape(a, #3/6/6); y = Einsum(b, %6) equation=...j,j"),
    CASE("b = Reshape(a, #3/6/6); c = ReduceMean(b) axes=[2]; y = Einsum(b, c) equation=cij,cij->ci"),
    // ---- windows
    CASE("y = MaxPool(a) kernel_shape=[2,2]"),
    CASE("y = MaxPool(a) kernel_shape=[3,3] strides=[2,2]"),
    CASE("y = MaxPool(a) kernel_shape=[3,2] strides=[2,2] ceil_mode=1"),
    CASE("y = MaxPool(a) kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]"),
    CASE("y = MaxPool(a) kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1] ceil_mode=1"),
    CASE("y = MaxPool(a) kernel_shape=[2,2] dilations=[2,3]"),
    CASE("y = MaxPool(a) kernel_shape=[3,3] auto_pad=SAME_UPPER"),
    CASE("y = MaxPool(a) kernel_shape=[4,4] strides=[3,3] auto_pad=SAME_LOWER"),
    CASE("y = MaxPool(a) kernel_shape=[6,6]"),
    CASE("y = AveragePool(a) kernel_shape=[2,3]"),
    CASE("y = AveragePool(a) kernel_shape=[3,3] pads=[1,1,1,1]"),
    CASE("y = AveragePool(a) kernel_shape=[3,3] pads=[1,1,1,1] count_include_pad=1"),
    CASE("y = AveragePool(a) kernel_shape=[3,3] strides=[2,2] pads=[0,1,1,0] ceil_mode=1"),
    CASE("y = AveragePool(a) kernel_shape=[3,3] strides=[2,2] pads=[0,1,0,1] ceil_mode=1 "
         "count_include_pad=1"),
    CASE("y = AveragePool(a) kernel_shape=[2,2] auto_pad=SAME_UPPER count_include_pad=1"),
    CASE("y = AveragePool(a) kernel_shape=[2,2] strides=[2,2] auto_pad=SAME_LOWER"),
    CASE("y = AveragePool(a) kernel_shape=[2,2] dilations=[3,2] pads=[1,1,1,1]", 0, 0, 19),
    CASE("y = MaxPool(a) kernel_shape=[3,3] strides=[3,2] storage_order=1"),
    CASE("y = MaxPool(a) kernel_shape=[7,8] strides=[2,4] ceil_mode=1"),
    CASE("y = AveragePool(a) kernel_shape=[8,7] strides=[3,2] ceil_mode=1"),
    CASE("b = Reshape(a, #1/6/18); y = MaxPool(b) kernel_shape=[3] strides=[2] pads=[1,1]"),
    CASE("b = Reshape(a, #2/3/3/3/2); y = MaxPool(b) kernel_shape=[2,3,2] strides=[1,2,1] pads=[1,0,1,0,1,0]"),
    CASE("b = Reshape(a, #1/2/6/3/3); y = MaxPool(b) kernel_shape=[2,2,2] strides=[3,2,2] dilations=[2,1,1] "
         "ceil_mode=1"),
    CASE("b = Reshape(a, #1/6/18); y = AveragePool(b) kernel_shape=[4] strides=[3] pads=[2,1]"),
    CASE("b = Reshape(a, #1/6/18); y = AveragePool(b) kernel_shape=[4] strides=[3] pads=[2,1] count_include_pad=1 "
         "ceil_mode=1"),
    CASE("b = Reshape(a, #2/3/3/3/2); y = AveragePool(b) kernel_shape=[2,3,2] pads=[1,1,1,1,1,1]"),
    CASE("b = Reshape(a, #2/3/3/3/2); y = AveragePool(b) kernel_shape=[2,2,2] auto_pad=SAME_UPPER"),
    CASE("b = Reshape(a, #2/3/18); y = GlobalAveragePool(b)"),
    CASE("b = Reshape(a, #1/6/3/2/3); y = GlobalAveragePool(b)"),
    CASE("b = Reshape(a, #2/3/18); y = GlobalMaxPool(b)"),
    CASE("b = Reshape(a, #1/6/3/2/3); y = GlobalMaxPool(b)"),
    CASE("y = LpPool(a) kernel_shape=[3,2]"),
    CASE("y = LpPool(a) kernel_shape=[2,3] strides=[2,2] pads=[1,1,0,1] p=3"),
    CASE("y = LpPool(a) kernel_shape=[3,3] auto_pad=SAME_LOWER p=1"),
    CASE("y = LpPool(a) kernel_shape=[2,2] dilations=[2,3] ceil_mode=1 strides=[2,1]", 0, 0, 18),
    CASE("b = Reshape(a, #1/6/18); y = LpPool(b) kernel_shape=[4] strides=[2]"),
    CASE("b = Reshape(a, #2/3/3/3/2); y = LpPool(b) kernel_shape=[2,2,2] p=4"),
    CASE("y = GlobalLpPool(a)"),
    CASE("b = Reshape(a, #2/3/18); y = GlobalLpPool(b) p=3"),
    CASE("y = GlobalAveragePool(a)"),
    CASE("y = GlobalMaxPool(a)"),
    // ---- normalisation
    CASE("y = BatchNormalization(a, %3, %3, %3, %3@0.5:2)"),
    CASE("y = BatchNormalization(a, %3, %3, %3, %3@0.5:2) epsilon=0.1"),
    CASE("y, m, v = BatchNormalization(a, %3, %3, %3, %3@0.5:2) training_mode=1 epsilon=0.01"),    // of a batch of one
    CASE("b = Reshape(%4x3x3x3, #1/4/27); c, m, v = BatchNormalization(b, %4, %4, %4, %4@0.5:2) training_mode=1; "
         "w = Reshape(c, #4/3/3/3); y = Conv(a, w)"),
    CASE("b = Reshape(a, #4/27); y = BatchNormalization(b, %27, %27, %27, %27@0.5:2)"),
    CASE("b = Reshape(a, #2/6/9); y = BatchNormalization(b, %6, %6, %6, %6@0.5:2)"),
    CASE("y = LayerNormalization(a, %6, %6)"),
    CASE("y = LayerNormalization(a, %6)"),
    CASE("y = LayerNormalization(a, %3x6x6, %3x6x6) axis=1 epsilon=0.01"),
    CASE("y = LayerNormalization(a, %36, %36) axis=-2"),
    CASE("b = Transpose(a) perm=[0,2,3,1]; c = LayerNormalization(b, %3, %3); "
         "y = Transpose(c) perm=[0,3,1,2]"),
    CASE("b = Reshape(a, #12/9); y = LayerNormalization(b, %9, %9)"),
    CASE("y = LRN(a) size=3 alpha=0.5"),
    CASE("y = LRN(a) size=2 alpha=0.5 beta=0.6 bias=2.0"),
    CASE("b = Concat(a, a) axis=1; c = Mul(b, %6x1x1); y = LRN(c) size=5 alpha=1.5"),
    CASE("y = LRN(a) size=1"),
    CASE("y = InstanceNormalization(a, %3, %3)"),
    CASE("y = InstanceNormalization(a, %3, %3) epsilon=0.1", 5, 6),
    CASE("b = Reshape(a, #2/6/9); y = InstanceNormalization(b, %6, %6)"),
    CASE("b = Concat(a, a) axis=1; c = Mul(b, %6x6x6); y = GroupNormalization(c, %6, %6) num_groups=2", 0, 0, 21),
    CASE("b = Concat(a, a) axis=1; c = Mul(b, %6x6x6); y = GroupNormalization(c, %3, %3) num_groups=3", 0, 0, 18),
    CASE("y = GroupNormalization(a, %3, %3) num_groups=1 epsilon=0.01", 0, 0, 21),
    CASE("y = MeanVarianceNormalization(a)"),
    CASE("y = MeanVarianceNormalization(a) axes=[0,1,2,3]", 2, 3),
    CASE("y = MeanVarianceNormalization(a) axes=[2,3]"),
    CASE("y = LpNormalization(a)"),
    CASE("y = LpNormalization(a) axis=1 p=1"),
    CASE("b = Relu(a); c = Sub(b, b); d = LpNormalization(c) axis=2; y = Add(d, a)"),
    CASE("y = RMSNormalization(a, %3x1x6) axis=-3 epsilon=0.1", 0, 0, 23),
    // ---- reductions, softmax
    CASE("y = ReduceMean(a) axes=[2,3]"),
    CASE("y = ReduceMean(a) axes=[2,3] keepdims=0"),
    CASE("y = ReduceMean(a) axes=[1]"),
    CASE("y = ReduceMean(a) axes=[-1,1] keepdims=0"),
    CASE("y = ReduceMean(a)"),
    CASE("y = ReduceMean(a) keepdims=0"),
    CASE("y = ReduceMean(a, #2/3)", 0, 0, 18),
    CASE("y = ReduceMean(a, #-2) keepdims=0", 0, 0, 18),
    CASE("y = ReduceMean(a) noop_with_empty_axes=1", 0, 0, 18),
    CASE("y = ReduceSum(a, #0/2)", 0, 0, 13),
    CASE("y = ReduceSum(a, #) noop_with_empty_axes=1", 0, 0, 13),
    CASE("y = ReduceSum(a, #)", 0, 0, 13),
    CASE("y = ReduceSum(a) axes=[3] keepdims=0", 0, 0, 11),
    CASE("b = Reshape(a, #2/9/6); y = ReduceSum(b, #1) keepdims=0"),
    CASE("b = Reshape(a, #9/12); y = ReduceMean(b) axes=[0]"),
    CASE("y = ReduceMax(a) axes=[2,3]"),
    CASE("y = ReduceMax(a, #1) keepdims=0", 0, 0, 18),
    CASE("b = Concat(a, a) axis=1; c = ReduceMax(b) axes=[1]; d = Concat(a, a) axis=3; e = ReduceMin(d) axes=[3]; "
         "y = Mul(c, e)"),
    CASE("y = ReduceMin(a)"),
    CASE("y = ReduceMin(a) axes=[0,3] keepdims=0"),
    CASE("y = ReduceL1(a) axes=[1]"),
    CASE("y = ReduceL1(a, #-1/-2)", 0, 0, 18),
    CASE("y = ReduceL2(a) axes=[3]"),
    CASE("b = Flatten(a); c = ReduceL2(b) axes=[1]; y = Div(b, c)"),
    CASE("y = ReduceSumSquare(a) axes=[2,3] keepdims=0"),
    CASE("y = ReduceSumSquare(a) axes=[1]"),
    CASE("y = ReduceLogSum(a) axes=[1,2]", 0.2f, 2),
    CASE("y = ReduceLogSumExp(a) axes=[1]"),
    CASE("y = ReduceLogSumExp(a) keepdims=0", 80, 99),
    CASE("b = Reshape(a, #2/9/6); y = ReduceLogSumExp(b, #0/2)", -3, 3, 18),
    CASE("y = Softmax(a)"),
    CASE("y = Softmax(a) axis=1"),
    CASE("y = Softmax(a) axis=-2"),
    CASE("y = Softmax(a)", 0, 0, 11),
    CASE("y = Softmax(a) axis=2", -4, 4, 11),
    CASE("y = LogSoftmax(a)"),
    CASE("y = LogSoftmax(a) axis=1"),
    CASE("y = LogSoftmax(a) axis=3", 0, 0, 12),
    CASE("b = Reshape(a, #9/12); y = Softmax(b) axis=0"),
    CASE("b = Reshape(a, #2/6/9); y = LogSoftmax(b) axis=1"),
    CASE("b = Hardmax(a) axis=1; y = Mul(a, b)"),
    CASE("b = Hardmax(a); y = Mul(a, b)"),
    CASE("b = Hardmax(a) axis=2; y = Mul(a, b)", 0, 0, 11),
    // ---- moving
    CASE("y = Concat(a, a) axis=1"),
    CASE("y = Concat(a, %1x2x6x6, a) axis=1"),
    CASE("b = Neg(a); y = Concat(b, a) axis=-1"),
    CASE("y = Concat(a, %1x3x1x6) axis=2"),
    CASE("y = Concat(a) axis=1"),
    CASE("y = Concat(%2x3x6x6, a) axis=0"),
    CASE("b = Reshape(a, #9/12); y = Concat(b, %9x2, b) axis=1"),
    CASE("b, c = Split(a, #1/2) axis=1; d = Mul(b, c); y = Concat(d, c) axis=1"),
    CASE("b, c, d = Split(a) axis=1; e = Mul(b, c); y = Mul(e, d)"),
    CASE("b, c = Split(a) axis=1 num_outputs=2; y = Mul(b, c)", 0, 0, 18),
    CASE("b, c = Split(a) axis=-2 split=[4,2]; y = Exp(c)", 0, 0, 11),
    CASE("b, y = Split(a, #5/1) axis=3"),
    CASE("b = Reshape(a, #9/12); c, d = Split(b); e = Concat(d, c) axis=0; y = Exp(e)"),
    CASE("y = Slice(a, #1/2, #5/6, #2/3)"),
    CASE("y = Slice(a, #0, #9223372036854775807, #3, #2)"),
    CASE("y = Slice(a, #-1, #-9223372036854775807, #1, #-1)"),
    CASE("y = Slice(a, #5/4, #0/-5, #2/3, #-2/-1)"),
    CASE("y = Slice(a, #0/1/-3/0, #1/3/-1/100)"),
    CASE("y = Slice(a) starts=[1,-4] ends=[2,5] axes=[1,3]", 0, 0, 9),
    CASE("y = Slice(a) starts=[0,1] ends=[1,3]", 0, 0, 9),
    CASE("b = Reshape(a, #9/12); y = Slice(b, #8, #1, #0, #-3)"),
    CASE("y = Slice(a, #2, #3, #-1)"),
    CASE("y = Pad(a, #0/0/1/2/0/0/3/1)"),
    CASE("y = Pad(a, #0/1/-1/-2/0/2/-1/1, =0.5)"),
    CASE("y = Pad(a, #0/0/-6/0/0/0/3/0)"),
    CASE("y = Pad(a) pads=[0,0,1,1,0,0,1,1] value=0.25 mode=constant", 0, 0, 10),
    CASE("y = Pad(a, #1/-1, =0.0, #-1)", 0, 0, 18),
    CASE("y = Pad(a, #2/1/0/1, _, #1/3)", 0, 0, 18),
    CASE("b = Reshape(a, #9/12); y = Pad(b, #1/-3/0/2)"),
    CASE("y = Pad(a, #0/0/1/2/0/0/3/1) mode=reflect"),
    CASE("y = Pad(a, #0/2/-1/5/0/1/2/-2) mode=reflect"),
    CASE("y = Pad(a, #0/0/1/2/0/0/3/1) mode=edge"),
    CASE("y = Pad(a, #0/1/-2/3/0/0/8/-1) mode=edge"),
    CASE("y = Pad(a, #0/0/1/2/0/0/3/1) mode=wrap", 0, 0, 19),
    CASE("y = Pad(a, #9/-2, _, #3) mode=wrap", 0, 0, 19),
    CASE("y = Pad(a) pads=[0,0,1,1,0,0,1,1] mode=reflect", 0, 0, 10),
    CASE("y = Transpose(a)"),
    CASE("b = Reshape(a, #9/12); y = Transpose(b)"),
    CASE("b = Reshape(a, #2/6/9); y = Transpose(b) perm=[1,0,2]"),
    CASE("b = Reshape(a, #2/6/9); y = Transpose(b) perm=[2,0,1]"),
    CASE("b = Reshape(a, #2/3/3/3/2); y = Transpose(b) perm=[4,2,0,3,1]"),
    CASE("b = Transpose(a) perm=[0,2,3,1]; c = Mul(b, %3); y = Transpose(c) perm=[0,3,1,2]"),
    CASE("b = Transpose(a) perm=[0,3,1,2]; y = Relu(b)"),
    CASE("b = Transpose(a) perm=[0,2,3,1]; c = Transpose(b) perm=[0,3,1,2]; y = Conv(c, %2x3x3x3)"),
    CASE("g = GlobalAveragePool(a); y = Expand(g, #1/3/2/2)"),
    CASE("y = Expand(a, #2/1/1/1)"),
    CASE("y = Expand(a, #1/1)"),
    CASE("b = ReduceMean(a) axes=[1,3] keepdims=0; y = Expand(b, #4/2/6/6)"),
    CASE("b = ReduceMean(a) axes=[2]; y = Expand(b, #5/1)"),
    CASE("y = Trilu(a)"),
    CASE("y = Trilu(a, $2)"),
    CASE("y = Trilu(a, $-1) upper=0"),
    CASE("b = Reshape(a, #3/4/9); y = Trilu(b, $-2)"),
    CASE("b = Reshape(a, #3/9/4); y = Trilu(b) upper=0"),
    CASE("b = Reshape(a, #9/12); y = Trilu(b, $-9223372036854775807) upper=0"),
    CASE("b = Reshape(a, #9/12); e = EyeLike(b) k=2; f = Trilu(%9x12, $1); g = Add(e, f); y = Mul(b, g)"),
    CASE("b = Reshape(a, #12/9); e = EyeLike(b) k=-3; y = Sub(b, e)"),
    CASE("s = Size(a); t = Unsqueeze(s, #0); y = Reshape(a, t)"),
    CASE("y = Tile(a, #1/2/1/3)"),
    CASE("y = Tile(a, #2/1/1/1)"),
    CASE("y = Tile(a, #2/2/2/2)"),
    CASE("b = Reshape(a, #9/12); y = Tile(b, #3/2)"),
    CASE("y = SpaceToDepth(a) blocksize=2"),
    CASE("b = SpaceToDepth(a) blocksize=3; c = Mul(b, %27x1x1); y = DepthToSpace(c) blocksize=3"),
    CASE("b = SpaceToDepth(a) blocksize=2; c = Mul(b, %12x3x3); y = DepthToSpace(c) blocksize=2 mode=CRD"),
    CASE("b = SpaceToDepth(a) blocksize=2 mode=CRD; c = Mul(b, %12x3x3); y = DepthToSpace(c) blocksize=2"),
    CASE("b = Reshape(a, #2/27/2/1); y = DepthToSpace(b) blocksize=3 mode=DCR"),
    CASE("s = Cast(#1/1/2/2) to=1; y = Resize(a, _, s)"),
    CASE("y = Resize(a, _, _, #1/3/12/12)"),
    CASE("y = Resize(a, _, _, #1/3/12/12) mode=linear"),
    CASE("y = Resize(a, _, _, #1/3/9/4) mode=linear"),
    CASE("y = Resize(a, _, _, #1/3/9/4) mode=cubic"),
    CASE("y = Resize(a, _, _, #2/5/4/9) mode=linear"),
    CASE("y = Resize(a, _, _, #1/3/6/1) mode=linear"),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=nearest coordinate_transformation_mode=half_pixel"),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=linear coordinate_transformation_mode=half_pixel"),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=cubic coordinate_transformation_mode=half_pixel"),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=nearest coordinate_transformation_mode=align_corners"),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=linear coordinate_transformation_mode=align_corners"),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=cubic coordinate_transformation_mode=align_corners"),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=nearest coordinate_transformation_mode=asymmetric"),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=linear coordinate_transformation_mode=asymmetric"),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=cubic coordinate_transformation_mode=asymmetric"),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=nearest coordinate_transformation_mode=pytorch_half_pixel"),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=linear coordinate_transformation_mode=pytorch_half_pixel"),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=cubic coordinate_transformation_mode=pytorch_half_pixel"),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=nearest coordinate_transformation_mode=half_pixel_symmetric", 0, 0, 19),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=linear coordinate_transformation_mode=half_pixel_symmetric", 0, 0, 19),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=cubic coordinate_transformation_mode=half_pixel_symmetric", 0, 0, 19),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=nearest coordinate_transformation_mode=tf_half_pixel_for_nn", 0, 0, 11),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=linear coordinate_transformation_mode=tf_half_pixel_for_nn", 0, 0, 11),
    CASE("i = Cast(#2/2/3/5) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) mode=cubic coordinate_transformation_mode=tf_half_pixel_for_nn", 0, 0, 11),
    CASE("y = Resize(a, _, _, #1/3/1/1) mode=linear coordinate_transformation_mode=pytorch_half_pixel"),
    CASE("y = Resize(a, _, _, #1/3/1/1) mode=linear coordinate_transformation_mode=align_corners"),
    CASE("i = Cast(#2/2/1/4) to=1; s = Mul(i, =0.5); y = Resize(a, _, s) nearest_mode=round_prefer_floor"),
    CASE("i = Cast(#2/2/3/8) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) nearest_mode=round_prefer_floor coordinate_transformation_mode=align_corners"),
    CASE("i = Cast(#2/2/1/4) to=1; s = Mul(i, =0.5); y = Resize(a, _, s) nearest_mode=round_prefer_ceil"),
    CASE("i = Cast(#2/2/3/8) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) nearest_mode=round_prefer_ceil coordinate_transformation_mode=align_corners"),
    CASE("i = Cast(#2/2/1/4) to=1; s = Mul(i, =0.5); y = Resize(a, _, s) nearest_mode=floor"),
    CASE("i = Cast(#2/2/3/8) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) nearest_mode=floor coordinate_transformation_mode=align_corners"),
    CASE("i = Cast(#2/2/1/4) to=1; s = Mul(i, =0.5); y = Resize(a, _, s) nearest_mode=ceil"),
    CASE("i = Cast(#2/2/3/8) to=1; s = Mul(i, =0.5); "
         "y = Resize(a, _, s) nearest_mode=ceil coordinate_transformation_mode=align_corners"),
    CASE("y = Resize(a, _, _, #1/3/9/4) mode=cubic exclude_outside=1 cubic_coeff_a=-0.5"),
    CASE("y = Resize(a, _, _, #1/3/9/4) mode=linear exclude_outside=1"),
    CASE("j = Cast(#0/0/1/-3/8/8/5/11) to=1; r = Mul(j, =0.125); "
         "y = Resize(a, r, _, #1/3/5/8) mode=nearest coordinate_transformation_mode=tf_crop_and_resize "
         "extrapolation_value=1.5"),
    CASE("j = Cast(#0/0/1/-3/8/8/5/11) to=1; r = Mul(j, =0.125); "
         "y = Resize(a, r, _, #1/3/5/8) mode=linear coordinate_transformation_mode=tf_crop_and_resize "
         "extrapolation_value=1.5"),
    CASE("j = Cast(#0/0/1/-3/8/8/5/11) to=1; r = Mul(j, =0.125); "
         "y = Resize(a, r, _, #1/3/5/8) mode=cubic coordinate_transformation_mode=tf_crop_and_resize "
         "extrapolation_value=1.5"),
    CASE("j = Cast(#3/1/7/6) to=1; r = Mul(j, =0.125); "
         "y = Resize(a, r, _, #5/1) mode=linear axes=[2,3] coordinate_transformation_mode=tf_crop_and_resize",
         0, 0, 18),
    CASE("y = Resize(a, _, _, #9/4) mode=linear axes=[-1,2]", 0, 0, 18),
    CASE("y = Resize(a, _, _, #9/15) axes=[2,3] mode=linear keep_aspect_ratio_policy=not_larger", 0, 0, 18),
    CASE("y = Resize(a, _, _, #9/15) axes=[2,3] mode=linear keep_aspect_ratio_policy=not_smaller", 0, 0, 18),
    CASE("y = Resize(a, _, _, #4/3) axes=[2,3] mode=linear antialias=1", 0, 0, 18),
    CASE("y = Resize(a, _, _, #2/9) axes=[2,3] mode=cubic antialias=1", 0, 0, 18),
    CASE("y = Resize(a, _, _, #2/5) axes=[2,3] mode=cubic antialias=1 exclude_outside=1", 0, 0, 18),
    CASE("s = Cast(#1/1/2/3) to=1; y = Resize(a, s)", 0, 0, 10),
    CASE("i = Cast(#2/2/1/4) to=1; s = Mul(i, =0.5); y = Resize(a, s) mode=linear", 0, 0, 10),
    CASE("s = Cast(#1/1/2/2) to=1; y = Upsample(a, s)", 0, 0, 9),
    CASE("y = Upsample(a) mode=linear scales=[1.0,1.0,2.0,1.5]", 0, 0, 8),
    CASE("b = Reshape(a, #2/6/9); y = Resize(b, _, _, #2/6/5) mode=linear"),
    CASE("b = Reshape(a, #2/3/3/3/2); y = Resize(b, _, _, #2/3/6/6/4)"),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=nearest padding_mode=zeros align_corners=0", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=nearest padding_mode=zeros align_corners=1", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=nearest padding_mode=border align_corners=0", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=nearest padding_mode=border align_corners=1", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=nearest padding_mode=reflection align_corners=0", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=nearest padding_mode=reflection align_corners=1", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=linear padding_mode=zeros align_corners=0", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=linear padding_mode=zeros align_corners=1", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=linear padding_mode=border align_corners=0", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=linear padding_mode=border align_corners=1", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=linear padding_mode=reflection align_corners=0", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=linear padding_mode=reflection align_corners=1", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=cubic padding_mode=zeros align_corners=0", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=cubic padding_mode=zeros align_corners=1", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=cubic padding_mode=border align_corners=0", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=cubic padding_mode=border align_corners=1", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=cubic padding_mode=reflection align_corners=0", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.9:1.9) mode=cubic padding_mode=reflection align_corners=1", 0, 0, 20),
    CASE("y = GridSample(a, %1x4x5x2@-1.2:1.2)"),
    CASE("y = GridSample(a, %1x4x5x2@-1.2:1.2) mode=bilinear"),
    CASE("y = GridSample(a, %1x4x5x2@-1.2:1.2) mode=bicubic padding_mode=border"),
    CASE("b = Reshape(a, #1/6/3/3/2); y = GridSample(b, %1x2x3x2x3@-1.4:1.4) mode=linear", 0, 0, 20),
    CASE("b = Reshape(a, #1/4/3/3/3); y = GridSample(b, %1x2x1x2x3@-1.4:1.4) mode=cubic padding_mode=reflection",
         0, 0, 20),
    CASE("b = Reshape(a, #2/3/3/6); y = GridSample(b, %2x2x3x2@-1.1:1.1) mode=linear", 0, 0, 20),
    CASE("g = Reshape(a, #1/9/6/2); y = GridSample(%1x2x4x5, g) mode=linear", -1.5f, 1.5f, 20),
    CASE("g = Reshape(a, #1/9/6/2); y = GridSample(%1x2x4x5, g) mode=linear padding_mode=reflection align_corners=1",
         -1.5f, 1.5f, 20),
    CASE("g = Reshape(a, #1/9/6/2); y = GridSample(%1x2x4x5, g) mode=cubic padding_mode=border", -1.5f, 1.5f, 20),
    CASE("g = Reshape(a, #2/9/3/2); b = Reshape(a, #2/3/6/3); y = GridSample(b, g) mode=cubic", -0.9f, 0.9f, 20),
    CASE("y = Gather(a, #2/0/0/-1) axis=1"),
    CASE("y = Gather(a, $1) axis=2"),
    CASE("y = Gather(a, #3) axis=-1"),
    CASE("b = Reshape(a, #9/12); y = Gather(b, #8/1/1)"),
    CASE("y = Reshape(a, #2/-1)"),
    CASE("y = Reshape(a, #0/0/36)"),
    CASE("y = Reshape(a, #1/9/3/4)"),
    CASE("y = Reshape(a, #-1)"),
    CASE("y = Reshape(a, #1/-1/6/0)"),
    CASE("b = Reshape(a, #1/1/3/2/3/6); c = Transpose(b) perm=[0,1,3,2,4,5]; y = Reshape(c, #1/6/3/6)"),
    CASE("y = Flatten(a)"),
    CASE("y = Flatten(a) axis=0"),
    CASE("y = Flatten(a) axis=3"),
    CASE("y = Flatten(a) axis=-2"),
    CASE("y = Flatten(a) axis=4"),
    CASE("g = GlobalMaxPool(a); y = Squeeze(g)"),
    CASE("g = GlobalMaxPool(a); y = Squeeze(g, #3/-2)"),
    CASE("y = Squeeze(a) axes=[0]", 0, 0, 11),
    CASE("y = Unsqueeze(a, #0/-1)"),
    CASE("y = Unsqueeze(a) axes=[2]", 0, 0, 11),
    CASE("b = Reshape(a, #12/9); y = Unsqueeze(b, #0/2)"),
    // ---- several in one
    CASE("y = com.microsoft::FusedConv(a, %4x3x3x3, %4) activation=Relu pads=[1,1,1,1]"),
    CASE("y = com.microsoft::FusedConv(a, %3x1x3x3) activation=LeakyRelu activation_params=[0.3] group=3"),
    CASE("y = com.microsoft::FusedConv(a, %3x3x1x1, %3, a) activation=Clip activation_params=[-0.3,0.5]"),
    CASE("y = com.microsoft::FusedConv(a, %3x3x3x3, _, a) pads=[1,1,1,1] activation=HardSigmoid "
         "activation_params=[0.21,0.45]"),
    CASE("y = com.microsoft::FusedConv(a, %2x3x3x3)"),
    CASE("b = Reshape(a, #9/12); y = com.microsoft::FusedGemm(b, %5x12, %5) transB=1 alpha=0.5 activation=Sigmoid"),
    CASE("b = Reshape(a, #9/12); y = com.microsoft::FusedGemm(b, %12x5, %5) activation=LeakyRelu "
         "activation_alpha=0.2"),
    CASE("y = com.microsoft::FusedMatMul(a, %6x4) alpha=0.5"),
    CASE("y = com.microsoft::FusedMatMul(a, %4x6) transB=1"),
    CASE("y = com.microsoft::FusedMatMul(a, a) transA=1 alpha=0.25"),
    CASE("b = Reshape(a, #3/4/9); y = com.microsoft::FusedMatMul(b, b) transB=1"),
    CASE("b = Reshape(a, #3/4/9); y = com.microsoft::TransposeMatMul(b, b) transA=1"),
    CASE("y = com.microsoft::Gelu(a)", -4, 4),
    CASE("y = com.microsoft::BiasGelu(a, %6)", -4, 4),
    CASE("y = com.microsoft::FastGelu(a)", -4, 4),
    CASE("y = com.microsoft::FastGelu(a, %6)", -4, 4),
    CASE("y = com.microsoft::QuickGelu(a)", -4, 4),
    CASE("y = com.microsoft::QuickGelu(a) alpha=1.5", -4, 4),
    CASE("y = RMSNormalization(a, %6)", 0, 0, 23),
    CASE("y = RMSNormalization(a, %6x6) axis=-2 epsilon=0.01", 0, 0, 23),
    CASE("y = SimplifiedLayerNormalization(a, %6)"),
    CASE("b = Reshape(a, #3/4/9); y = com.microsoft::SkipLayerNormalization(b, %3x4x9, %9, %9, %9)"),
    CASE("b = Reshape(a, #3/4/9); c = Exp(b); y = com.microsoft::SkipLayerNormalization(b, c, %9, %9)"),
    CASE("b = Reshape(a, #3/4/9); c, m, v, s = com.microsoft::SkipLayerNormalization(b, %3x4x9, %9, %9, %9) "
         "epsilon=0.1; y = Mul(c, s)"),
    CASE("b = Reshape(a, #3/4/9); c, m, v, s = com.microsoft::SkipSimplifiedLayerNormalization(b, %3x4x9, %9); "
         "y = Add(c, s)"),
    CASE("t = Transpose(a) perm=[0,2,3,1]; b = Concat(t, t) axis=3; c = Mul(b, %6); "
         "y = com.microsoft::GroupNorm(c, %6, %6) groups=2 activation=1"),
    CASE("t = Transpose(a) perm=[0,2,3,1]; y = com.microsoft::GroupNorm(t, %3, %3) groups=1 epsilon=0.1"),
    CASE("y = Attention(a, a, a)", 0, 0, 23),
    CASE("b = Neg(a); c = Slice(a, #0, #4, #2); d = Slice(b, #0, #4, #2); y = Attention(a, c, d) scale=1.5", 0, 0, 23),
    CASE("b = Exp(a); y = Attention(b, a, a, %6x6) is_causal=1", 0, 0, 23),
    CASE("b = Exp(a); y = Attention(b, a, a, %1x3x6x6) softcap=0.75", 0, 0, 23),
    CASE("y = Attention(a, a, a, ^boolx1x6x6) scale=2.0", 0, 0, 23),
    CASE("b = Concat(a, a) axis=1; c = Mul(b, %6x1x1); y = Attention(c, a, a)", 0, 0, 23),
    CASE("b = Reshape(a, #1/9/12); y = Attention(b, b, b) q_num_heads=3 kv_num_heads=3", 0, 0, 23),
    CASE("b = Reshape(a, #1/9/12); c = Slice(b, #6, #12, #2); d = Exp(c); y = Attention(b, c, d, %9x9) q_num_heads=4 "
         "kv_num_heads=2", 0, 0, 23),
    CASE("b = Reshape(a, #1/9/12); y = com.microsoft::Attention(b, %12x24, %24) num_heads=2"),
    CASE("b = Reshape(a, #1/9/12); y = com.microsoft::Attention(b, %12x24, %24, _, _, %1x4x9x9) num_heads=4 scale=0.75 "
         "unidirectional=1"),
    CASE("b = Reshape(a, #1/9/12); c = Slice(b, #0, #5, #1); y = com.microsoft::MultiHeadAttention(b, c, c, %36) "
         "num_heads=3"),
    CASE("b = Reshape(a, #1/9/12); c = Exp(b); y = com.microsoft::MultiHeadAttention(b, c, b, _, _, %9x9) num_heads=2 "
         "scale=0.5 unidirectional=1"),
    // ---- by indices
    CASE("i = Reshape(#0/5/-1/2/3/3, #1/3/2/1); y = GatherElements(a, i) axis=2"),
    CASE("b = Reshape(a, #12/9); i = Reshape(#0/0/8/-2, #2/2); y = GatherElements(b, i) axis=1"),
    CASE("i = Reshape(#0/1/0/-1, #2/2); y = GatherND(a, i)"),
    CASE("i = Reshape(#0/1/0/0/-1/3/0/0/1, #3/1/3); y = GatherND(a, i)"),
    CASE("i = Reshape(#5/2/-1, #1/3/1); y = GatherND(a, i) batch_dims=2"),
    CASE("b = Reshape(a, #12/9); y = GatherND(b, #3)"),
    CASE("b = Reshape(a, #12/9); i = Reshape(#3/0/-1/3, #4/1); u = Slice(b, #2, #6, #0); y = ScatterND(b, i, u)"),
    CASE("b = Reshape(a, #12/9); i = Reshape(#3/0/-1/3, #4/1); u = Exp(b); v = Slice(u, #2, #6, #0); "
         "y = ScatterND(b, i, v) reduction=add", 0, 0, 16),
    CASE("i = Reshape(#0/1/0/-1, #2/2); y = ScatterND(a, i, %2x6x6)"),
    CASE("i = Reshape(#0/0/0/2, #2/2); g = ReduceMean(a) axes=[1] keepdims=0; h = Concat(g, g) axis=0; "
         "y = ScatterND(%1x3x6x6, i, h)"),
    CASE("b = Reshape(a, #12/9); i = Reshape(#3/0/-1/3, #2/2); u = Slice(b, #2/2, #4/4, #0/1); "
         "y = ScatterElements(b, i, u) axis=0"),
    CASE("b = Reshape(a, #12/9); i = Reshape(#3/3/-1/2, #2/2); e = Exp(b); u = Slice(e, #2/2, #4/4, #0/1); "
         "y = ScatterElements(b, i, u) axis=1"),
    CASE("b = Reshape(a, #12/9); i = Reshape(#3/3/-1/3, #2/2); e = Exp(b); u = Slice(e, #2/2, #4/4, #0/1); "
         "y = ScatterElements(b, i, u) axis=1 reduction=add", 0, 0, 16),
    CASE("b = Reshape(a, #12/9); i = Reshape(#1/2, #2/1); y = Scatter(b, i, %2x1) axis=1", 0, 0, 10),
    CASE("y, i = TopK(a, #2)"),
    CASE("b = Reshape(a, #12/9); y, i = TopK(b, #7) axis=0 largest=0"),
    CASE("b = Round(a); v, i = TopK(b, #4) axis=2; y = Mul(i, i)", -2, 2),
    CASE("b = Reshape(a, #12/9); v, i = TopK(b) k=3 axis=0; y = Mul(v, i)", 0, 0, 9),
    CASE("y, i = TopK(a, #1) axis=1"),
    CASE("i = ArgMax(a) axis=1; j = ArgMin(a) axis=-1 keepdims=0; b = Mul(a, i); k = Unsqueeze(j, #3); y = Add(b, k)"),
    CASE("b = Round(a); i = ArgMax(b) axis=3 select_last_index=1; j = ArgMin(b) axis=2; c = Mul(a, i); y = Add(c, j)",
         -2, 2),
    CASE("y = CumSum(a, $1)"),
    CASE("y = CumSum(a, $-1) reverse=1"),
    CASE("y = CumSum(a, $2) exclusive=1"),
    CASE("b = Reshape(a, #12/9); y = CumSum(b, $0) exclusive=1 reverse=1"),
    CASE("y = ReduceProd(a) axes=[1]"),
    CASE("y = ReduceProd(a, #2/3) keepdims=0", 0.5f, 1.5f, 18),
    CASE("b = Concat(a, %1x1x6x6@0:0.0) axis=1; y = ReduceProd(b) axes=[1]"),
    CASE("b = Concat(a, %1x3x6x2@0:0.0) axis=3; c = Slice(b, #1, #7, #3); y = ReduceProd(c) axes=[3]"),
    CASE("b = Concat(a, %1x3x6x2@0:0.0) axis=3; y = ReduceProd(b) axes=[3]"),
    CASE("n = NonZero(#0/3/0/1/2/0); s = Squeeze(n, #0); y = Gather(a, s) axis=2"),
    CASE("w = OneHot(#2/0/-1/1/5/0, $6, %2) axis=0; y = MatMul(a, w)"),
    CASE("v, i = TopK(%6, #3); w = GatherElements(%6, i); j = ArgMax(%6x6) axis=0 keepdims=0; t = CumSum(j, $0); "
         "c = Mul(a, t); d = Gather(c, i) axis=3; y = Add(d, w)"),
    // ---- recurrent
    CASE("b = Reshape(a, #12/1/9); y = RNN(b, %1x4x9, %1x4x4, %1x8) hidden_size=4"),
    CASE("b = Reshape(a, #6/2/9); c, y = RNN(b, %1x4x9, %1x4x4) direction=reverse activations=[Softsign]"),
    CASE("b = Reshape(a, #6/2/9); h = ReduceMean(b) axes=[0] keepdims=1; g = Slice(h, #0, #4, #2); "
         "y, f = RNN(b, %1x4x9, %1x4x4, %1x8, _, g) activations=[LeakyRelu] activation_alpha=[0.3]"),
    CASE("b = Reshape(a, #12/1/9); y = LSTM(b, %1x16x9, %1x16x4, %1x32) hidden_size=4"),
    CASE("b = Reshape(a, #6/2/9); c, d, e = LSTM(b, %2x16x9, %2x16x4, %2x32, ^i32:6/6) direction=bidirectional; "
         "f = Mul(d, e); g = Reshape(f, #1/2/2/4); y = Mul(c, g)"),
    CASE("b = Reshape(a, #6/2/9); h = ReduceMean(b) axes=[0] keepdims=1; g = Slice(h, #0, #4, #2); f = Exp(g); "
         "y, d = LSTM(b, %1x16x9, %1x16x4, _, _, g, f) direction=reverse"),
    CASE("b = Reshape(a, #2/6/9); y, d, e = LSTM(b, %1x16x9, %1x16x4, %1x32, _, %2x1x4, %2x1x4) layout=1"),
    CASE("b = Reshape(a, #2/6/9); d, y = LSTM(b, %2x16x9, %2x16x4, %2x32) layout=1 direction=bidirectional "
         "activations=[HardSigmoid,Tanh,Softsign,Sigmoid,Relu,Tanh] activation_alpha=[0.15] activation_beta=[0.45]"),
    // the last state alone, as Keras exports it
    CASE("b = Reshape(a, #6/2/9); _, y = LSTM(b, %1x16x9, %1x16x4, %1x32)"),
    CASE("b = Reshape(a, #6/2/9); _, _, y = LSTM(b, %1x16x9, %1x16x4, %1x32)"),
    CASE("b = Reshape(a, #6/2/9); _, y = GRU(b, %1x12x9, %1x12x4, %1x24)"),
    CASE("b = Reshape(a, #6/2/9); _, y = RNN(b, %2x4x9, %2x4x4, %2x8) direction=bidirectional"),
    CASE("b = Reshape(a, #12/1/9); y = GRU(b, %1x12x9, %1x12x4, %1x24) hidden_size=4"),
    CASE("b = Reshape(a, #12/1/9); y = GRU(b, %1x12x9, %1x12x4, %1x24) linear_before_reset=1"),
    CASE("b = Reshape(a, #6/2/9); h = ReduceMean(b) axes=[0] keepdims=1; g = Slice(h, #0, #4, #2); i = Exp(g); "
         "f = Concat(g, i) axis=0; y, d = GRU(b, %2x12x9, %2x12x4, _, _, f) direction=bidirectional"),
    CASE("b = Reshape(a, #6/2/9); c, y = GRU(b, %1x12x9, %1x12x4, %1x24, _, %1x2x4) direction=reverse "
         "linear_before_reset=1 activations=[HardSigmoid,Softsign]"),
    // ---- quantised
    CASE("q = QuantizeLinear(a, =0.01, ^u8:120); y = DequantizeLinear(q, =0.01, ^u8:120)"),
    CASE("q = QuantizeLinear(a, =0.01); y = DequantizeLinear(q, =0.01)"),
    CASE("q = QuantizeLinear(a, =0.01, ^u8:0); y = DequantizeLinear(q, =0.01, ^u8:0)"),
    CASE("q = QuantizeLinear(a, =0.0061, ^i8:0); y = DequantizeLinear(q, =0.0061, ^i8:0)"),
    CASE("q = QuantizeLinear(a, =0.02, ^i8:5); r = Relu(q); y = DequantizeLinear(r, =0.02, ^i8:5)"),
    CASE("q = QuantizeLinear(a, =0.0001, ^i16:-7); y = DequantizeLinear(q, =0.0001, ^i16:-7)", -5, 5),
    CASE("q = QuantizeLinear(a, %3@0.005:0.02, ^u8:120/100/128); y = DequantizeLinear(q, %3, ^u8:0/2/9)"),
    CASE("q = QuantizeLinear(a, %6@0.005:0.02, ^u16:9/8/7/6/5/4) axis=-1; y = DequantizeLinear(q, %6, ^u16x6) axis=3"),
    CASE("q = QuantizeLinear(a, %1x3x2x6@0.01:0.02, ^i8x1x3x2x6) axis=2 block_size=4; "
         "y = DequantizeLinear(q, %1x3x6x2@0.01:0.02) axis=3 block_size=3", 0, 0, 21),
    CASE("q = QuantizeLinear(a, =0.01) output_dtype=5; y = DequantizeLinear(q, =0.01)", 0, 0, 21),
    CASE("w = DequantizeLinear(^i8x4x3x3x3, %4@0.01:0.02, ^i8x4) axis=0; b = DequantizeLinear(^i32x4, %4, ^i32:0) "
         "axis=0; y = Conv(a, w, b) pads=[1,1,1,1]"),
    CASE("w = DequantizeLinear(^u8x6x4, %3x4, ^u8x3x4) axis=0 block_size=2; b = QuantizeLinear(%6, =0.1, ^i8:1); "
         "c = DequantizeLinear(b, =0.1, ^i8:1); d = Add(a, c); y = MatMul(d, w)", 0, 0, 21),
    CASE("q = QuantizeLinear(a, =0.02, ^u8:100); p = QLinearConv(q, =0.02, ^u8:100, ^i8x4x3x3x3, %4@0.01:0.02, ^i8x4, "
         "=0.2, ^u8:128, ^i32x4) pads=[1,1,1,1]; y = DequantizeLinear(p, =0.2, ^u8:128)"),
    CASE("q = QuantizeLinear(a, =0.02, ^i8:3); p = QLinearConv(q, =0.02, ^i8:3, ^i8x3x1x3x3, =0.01, ^i8:0, =0.1, "
         "^i8:-4) group=3 strides=[2,2]; y = DequantizeLinear(p, =0.1, ^i8:-4)"),
    CASE("t = Transpose(a) perm=[0,2,3,1]; q = QuantizeLinear(t, =0.02, ^i8:3); "
         "p = com.microsoft::QLinearMul(q, =0.02, ^i8:3, ^i8x3, =0.02, ^i8:2, =0.01, ^i8:-4); "
         "y = DequantizeLinear(p, =0.1, ^i8:-4)"),
    CASE("q = QuantizeLinear(a, =0.02, ^u8:100); p = QLinearMatMul(q, =0.02, ^u8:100, ^i8x6x4, %4@0.01:0.02, ^i8x4, "
         "=0.1, ^u8:128); y = DequantizeLinear(p, =0.1, ^u8:128)"),
    CASE("b = Reshape(a, #9/12); q = QuantizeLinear(b, =0.02, ^u8:100); p = com.microsoft::QGemm(q, =0.02, ^u8:100, "
         "^i8x5x12, =0.01, ^i8:2, ^i32x5, =0.1, ^u8:128) transB=1; y = DequantizeLinear(p, =0.1, ^u8:128)"),
    CASE("b = Reshape(a, #9/12); q = QuantizeLinear(b, =0.02, ^i8:9); y = com.microsoft::QGemm(q, =0.02, ^i8:9, "
         "^i8x12x5, %5@0.01:0.02, ^i8x5, ^i32x5, =0.1, ^i8:3) alpha=0.5"),
    CASE("q = QuantizeLinear(a, =0.02, ^u8:100); p = com.microsoft::QLinearAdd(q, =0.02, ^u8:100, ^u8x6, =0.1, ^u8:3, "
         "=0.03, ^u8:128); y = DequantizeLinear(p, =0.03, ^u8:128)"),
    CASE("q = QuantizeLinear(a, =0.02, ^i8:1); y = com.microsoft::QLinearSigmoid(q, =0.02, ^i8:1, =0.01, ^i8:-9)"),
    CASE("q = QuantizeLinear(a, =0.02, ^i8:1); y = com.microsoft::QLinearLeakyRelu(q, =0.02, ^i8:1, =0.01, ^i8:-9) "
         "alpha=0.3"),
    CASE("q = QuantizeLinear(a, =0.02, ^i8:1); y = com.microsoft::QLinearAveragePool(q, =0.02, ^i8:1, =0.01, ^i8:-9) "
         "kernel_shape=[3,3] strides=[2,2]"),
    CASE("q = QuantizeLinear(a, =0.02, ^i8:1); y = com.microsoft::QLinearGlobalAveragePool(q, =0.02, ^i8:1, =0.01, "
         "^i8:-9)"),
    CASE("q = QuantizeLinear(a, =0.02, ^i8:1); y = com.microsoft::QLinearReduceMean(q, =0.02, ^i8:1, =0.01, ^i8:-9) "
         "axes=[1] keepdims=0"),
    CASE("q = QuantizeLinear(a, =0.02, ^i8:1); y = com.microsoft::QLinearSoftmax(q, =0.02, ^i8:1, =0.01, ^i8:-128) "
         "opset=13"),
    CASE("q = QuantizeLinear(a, =0.02, ^i8:1); y = com.microsoft::QLinearConcat(=0.02, ^i8:4, q, =0.02, ^i8:1, "
         "^i8x1x2x6x6, =0.1, ^i8:0) axis=1"),
    CASE("c = Greater(a, =0.1); q = QuantizeLinear(a, =0.02, ^i8:1); "
         "y = com.microsoft::QLinearWhere(c, q, =0.02, ^i8:1, ^i8x6, =0.1, ^i8:0, =0.02, ^i8:2)"),
    CASE("q, s, z = DynamicQuantizeLinear(a); b = ConvInteger(q, ^i8x4x3x3x3, z, ^i8:1) pads=[1,1,1,1]; "
         "c = Cast(b) to=1; t = Mul(s, =0.01); y = Mul(c, t)"),
    CASE("q, s, z = DynamicQuantizeLinear(a); b = MatMulInteger(q, ^i8x6x4, z, ^i8x4); c = Cast(b) to=1; "
         "t = Mul(s, %4@0.01:0.02); y = Mul(c, t)", 0.5f, 2),
    CASE("q, s, z = DynamicQuantizeLinear(a); b = MatMulInteger(q, ^u8x6x4, z); y = Cast(b) to=1", -2, -0.5f),
    CASE("q, s, z = DynamicQuantizeLinear(a); y = com.microsoft::MatMulIntegerToFloat(q, ^i8x6x4, s, %4@0.01:0.02, z, "
         "^i8x4, %4)"),
    CASE("y = com.microsoft::DynamicQuantizeMatMul(a, ^i8x6x4, =0.02, ^i8:3, %4)"),
    CASE("y = com.microsoft::DynamicQuantizeMatMul(a, ^i8x6x4, %4@0.01:0.02)"),
    CASE("q = com.microsoft::QuantizeLinear(a, =0.01, ^u8:120); "
         "y = com.microsoft::DequantizeLinear(q, =0.01, ^u8:120)"),
    // ---- what is only looked through
    CASE("b = Identity(a); y = Exp(b)"),
    CASE("b = Dropout(a, =0.5); y = Exp(b)"),
    CASE("b = Dropout(a) ratio=0.5; y = Exp(b)", 0, 0, 11),
    CASE("b = Cast(a) to=1; y = Exp(b)"),
    // ---- what is folded before a network runs
    CASE("s = Shape(a); n = Gather(s, $0); m = Unsqueeze(n, #0); t = Concat(m, #-1) axis=0; "
         "y = Reshape(a, t)"),
    CASE("s = Shape(a) start=2; h = Div(s, #2/2); z = Mul(#0/0, h); y = Slice(a, z, h, #2/3)"),
    CASE("s = Shape(a) start=1 end=-1; t = Mul(s, #2/2); u = Slice(t, #1, #2); "
         "e = Concat(#1/3, u, #6) axis=0; g = ReduceMean(a) axes=[2]; y = Expand(g, e)"),
    CASE("r = Range($5, $-1, $-2); y = Gather(a, r) axis=3"),
    CASE("w = Sqrt(%3x1x1@0.5:2); v = Neg(w); y = Mul(a, v)"),
    CASE("w = Exp(%1x3x1); v = Transpose(w) perm=[1,0,2]; u = Abs(v); y = Add(a, u)"),
    CASE("c = Greater(%6x6, =0.0); w = Where(c, =2.0, %6x6); y = Mul(a, w)"),
    CASE("c = Less(%6x6, =0.5); n = Not(c); w = Where(n, %6, =0.25); y = Mul(a, w)"),
    CASE("w = Expand(%3x1x1, #3/6/6); v = Pow(w, =2.0); u = Max(v, =0.2); t = Min(u, =0.7); y = Mul(a, t)"),
    CASE("s = Shape(a); p = ReduceProd(s) keepdims=0; q = Unsqueeze(p, #0); y = Reshape(a, q)"),
    CASE("s = Shape(a) start=2; m = Mod(s, #4/4); c = Cast(m) to=1; w = Unsqueeze(c, #0); "
         "v = ReduceSum(w, #1); y = Mul(a, v)"),
    CASE("m = Mod(%6@-9:9, %3x1x1@1.5:4) fmod=1; y = Mul(a, m)"),
    CASE("w = ReduceProd(%3x2x6) axes=[1]; y = Mul(a, w)"),
    CASE(SCATTERED "reduction=add; v = Reshape(w, #3/1/6); y = Mul(a, v)"),
    CASE(SCATTERED "reduction=mul; v = Reshape(w, #3/1/6); y = Mul(a, v)"),
    CASE(SCATTERED "reduction=max; v = Reshape(w, #3/1/6); y = Mul(a, v)"),
    CASE(SCATTERED "reduction=min; v = Reshape(w, #3/1/6); y = Mul(a, v)"),
    CASE("w = Floor(%3x1x1@-3:3); v = Ceil(%6@-3:3); u = Add(w, v); y = Mul(a, u)"),
    CASE("w = Sin(%6@-9:9); v = Cos(%3x1x1); u = Mul(w, v); y = Mul(a, u)"),
    CASE("w = Round(%3x1x1@-3:3); v = Sign(%6); u = Mul(w, v); y = Add(a, u)"),
    // by the operators themselves
    CASE("w = ReduceMean(%2x3x6x6) axes=[0]; v = Conv(w, %3x3x3x3, %3) pads=[1,1,1,1]; y = Mul(a, v)"),
    CASE("w = ReduceMean(%4x3x3x3) axes=[1,2,3]; v = Sub(%4x3x3x3, w); y = Conv(a, v, %4)"),
    CASE("v, w = Split(%1x6x6x6, #3/3) axis=1; u = MaxPool(v) kernel_shape=[3,3] pads=[1,1,1,1]; "
         "t = Softmax(w) axis=1; s = Add(u, t); y = Mul(a, s)"),
    CASE("t = Tile(#0/2, #2); y = Gather(a, t) axis=1"),
    CASE("w = BatchNormalization(%1x3x6x6, %3, %3, %3, %3@0.5:2); y = Mul(a, w)"),
    CASE("w = Gemm(%6x4, %5x4, %5) transB=1; v = Gemm(w, %5x6, %6); y = Mul(a, v)"),
    CASE("w = MatMul(%6x4, %4x6); v = LayerNormalization(w, %6, %6); y = Mul(a, v)"),
    CASE("w = Log(%6@0.5:2); v = Tanh(%3x1x1); u = Erf(v); t = Mul(u, w); y = Mul(a, t)"),
    CASE("w = Reshape(%18, #3/6); v = Unsqueeze(w, #1); u = Flatten(v) axis=1; "
         "t = Unsqueeze(u, #1); y = Mul(a, t)"),
};

// How tensor `a` comes to be: the picture itself, stored channels last in the engine, and a view of it in
// plain order.
static const char *const sources[] = { "a = Identity(x)", "a = Reshape(x, #1/3/6/6)" };

static void run_case(const Case *c, int source)
{
    GradcamModel *model = NULL;
    Messages messages;
    const GradcamModelOptions options = { .log = messages_log(&messages), .labels = "none" };
    Graph *graph = graph_create(c->opset > 0 ? c->opset : 17);
    graph->seed = 7;
    graph_add(graph, "input x 1x3x6x6");
    graph_add(graph, sources[source]);
    graph_add(graph, c->text);
    Reference *reference = reference_create(graph);
    float low = c->low, high = c->high;
    float *picture = random_picture(reference, "x", low == high ? -1 : low, low == high ? 1 : high, 42);
    reference_run(reference);
    // One score for each element of y, each with a weight of its own, so that no two mistakes cancel.
    graph_addf(graph, "flat = Reshape(y, #1/-1); logits = Mul(flat, %%1x%zu@0.5:1.5); output logits",
               reference_find(reference, "y")->count);
    reference_free(reference);
    free(picture);
    reference = reference_create(graph);
    picture = random_picture(reference, "x", low == high ? -1 : low, low == high ? 1 : high, 42);
    reference_run(reference);
    if (open_graph(&model, graph, &options) < 0)
        fail("%s", messages.text);
    else
        check_layer(model, reference, "x", picture, usual);
    gradcam_model_close(&model);
    reference_free(reference);
    graph_free(graph);
    free(picture);
}

// Each operator of the library must stand in some case.
static void all_operators_have_cases(void)
{
    const GcamOp *op;
    size_t i = 0;
    for (; (op = gcam_op_at(i)); i++) {
        char call[80];
        int found = 0;
        snprintf(call, sizeof(call), "= %s(", op->type);
        for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
            found |= strstr(cases[k].text, call) != NULL;
        if (!found)
            fail("%s has none", op->type);
    }
    CHECK(i > 50);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin_case("%s", cases[i].text);
        if (cases[i].opset > 0)
            note("opset %d", cases[i].opset);
        for (int source = 0; source < 2; source++)
            run_case(&cases[i], source);
    }
    RUN(all_operators_have_cases);
    return end_cases();
}

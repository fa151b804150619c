/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Compiles all *_body.h for the instruction set whose simd_*.h was included before, and enters their functions in a set
 * of kernels. The matrix product is the including file's `gemm`: its own, or that of gemm_body.h.
 */
#include "depthwise_body.h"
#include "direct_body.h"
#include "linear_body.h"
#include "math_body.h"
#include "rows_body.h"
#include "window_body.h"
#include "winograd_body.h"

static void fill(GcamKernels *kernels)
{
    kernels->gemm = gemm;
    kernels->depthwise = depthwise;
    kernels->depthwise_tile[0][0] = depthwise_tile_3_1;
    kernels->depthwise_tile[0][1] = depthwise_tile_3_2;
    kernels->depthwise_tile[1][0] = depthwise_tile_5_1;
    kernels->depthwise_tile[1][1] = depthwise_tile_5_2;
    kernels->depthwise_tile[2][0] = depthwise_tile_7_1;
    kernels->depthwise_tile[2][1] = depthwise_tile_7_2;
    for (int wide = VW > 8; wide < 2; wide++) {     // single vectors of 16 would often be half empty
        kernels->direct[wide] = direct;
        kernels->direct_vector[wide] = VW;
    }
    kernels->window_maximum = window_maximum;
    kernels->window_sum = window_sum;
    kernels->winograd_input[GCAM_WINOGRAD2] = winograd_input_of4;
    kernels->winograd_input[GCAM_WINOGRAD4] = winograd_input_of6;
    kernels->winograd_input[GCAM_WINOGRAD2_5X5] = winograd_input_of6;
    kernels->winograd_output[GCAM_WINOGRAD2] = winograd_output2_of4;
    kernels->winograd_output[GCAM_WINOGRAD4] = winograd_output4_of6;
    kernels->winograd_output[GCAM_WINOGRAD2_5X5] = winograd_output2_of6;
    kernels->dot[GCAM_F32] = dot_f32;
    kernels->dot[GCAM_F16] = dot_f16;
    kernels->dot[GCAM_BF16] = dot_bf16;
    kernels->axpy[GCAM_F32] = axpy_f32;
    kernels->axpy[GCAM_F16] = axpy_f16;
    kernels->axpy[GCAM_BF16] = axpy_bf16;
    kernels->convert[GCAM_F32] = convert_f32;
    kernels->convert[GCAM_F16] = convert_f16;
    kernels->convert[GCAM_BF16] = convert_bf16;
    kernels->narrow = narrow_f16;
    kernels->exp = map_exp;
    kernels->sigmoid = map_sigmoid;
    kernels->tanh = map_tanh;
    kernels->erf = map_erf;
    kernels->silu = map_silu;
    kernels->gelu = map_gelu;
    kernels->hard_swish = map_hard_swish;
    kernels->softmax = row_softmax;
    kernels->layer_norm = row_layer_norm;
}

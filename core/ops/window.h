/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The sliding window that Conv, MaxPool and AveragePool share: kernel, strides, dilations and padding of a picture of
 * two dimensions, with ONNX's auto_pad and ceil_mode.
 */
#ifndef GCAM_OPS_WINDOW_H
#define GCAM_OPS_WINDOW_H

#include "ops.h"

typedef struct GcamWindow {
    int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int pad_top, pad_left, pad_bottom, pad_right;
    int in_h, in_w, out_h, out_w;
} GcamWindow;

// Reads the node's attributes for input x (N, C, H, W; N, C, W is seen as height 1). kernel: the size where no
// attribute gives it, or NULL.
int gcam_infer_window(const GcamInfer *infer, const GcamShape *x, const size_t kernel[2], GcamWindow *window);

#endif

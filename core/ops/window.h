/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The sliding window that convolutions and pools share: kernel, strides, dilations and padding, with ONNX's auto_pad
 * and ceil_mode.
 */
#ifndef GCAM_OPS_WINDOW_H
#define GCAM_OPS_WINDOW_H

#include "ops.h"

// One dimension of a window: output i covers inputs i * stride - before + k * dilation, k < kernel, of 0..in-1.
typedef struct GcamSpan {
    int in, out, kernel, stride, dilation, before, after;
} GcamSpan;

// Inputs from the first that a window covers to the last.
static inline int64_t gcam_span_reach(const GcamSpan *span)
{
    return (int64_t)(span->kernel - 1) * span->dilation + 1;
}

// The same of a picture of two dimensions.
typedef struct GcamWindow {
    int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int pad_top, pad_left, pad_bottom, pad_right;
    int in_h, in_w, out_h, out_w;
} GcamWindow;

// Reads the node's attributes for input x [N, C, ..]: a span for each of its dimensions but these two. kernel: the size
// where no attribute gives it, or NULL. 0, or a negative errno with a message.
int gcam_infer_spans(const GcamInfer *infer, const GcamShape *x, const size_t *kernel, GcamSpan *span);
// The same without auto_pad and what follows from the padding: `out` is 0.
int gcam_infer_kernel(const GcamInfer *infer, const GcamShape *x, const size_t *kernel, GcamSpan *span);
// The spans of x [N, C, H, W].
int gcam_infer_window(const GcamInfer *infer, const GcamShape *x, const size_t kernel[2], GcamWindow *window);

#endif

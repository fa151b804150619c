/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attributes of a sliding window, checked: kernel_shape, strides, dilations, pads, auto_pad, ceil_mode. Output i covers
 * inputs i * stride - pad + k * dilation, k < kernel; there are floor((in + pads - reach) / stride) + 1 of them, with
 * reach = (kernel - 1) * dilation + 1, and one more for what is left where ceil_mode is set.
 */
#include "window.h"

#include <errno.h>
#include <string.h>

#define MOST 32768              // of each size

// Two numbers from an attribute; the fallback where it is absent.
static int pair(const GcamInfer *infer, const char *name, int64_t least, int64_t fallback, int *h, int *w)
{
    int64_t list[GCAM_MAX_RANK];
    int n = gcam_infer_ints(infer, name, -1, list);
    if (n < 0 && n != -ENOENT)
        return n;
    if (n == -ENOENT)
        list[0] = list[1] = fallback;
    else if (n != 2)
        return gcam_infer_unsupported(infer, "%s has %d numbers; windows have two dimensions here", name, n);
    for (int i = 0; i < 2; i++)
        if (list[i] < least || list[i] > MOST)
            return gcam_infer_bad(infer, "%s of %lld", name, (long long)list[i]);
    *h = (int)list[0];
    *w = (int)list[1];
    return 0;
}

// auto_pad SAME: as many outputs as inputs divided by the stride, rounded up; the odd pad behind (UPPER) or before.
static void same_padding(int in, int kernel, int stride, int upper, int *before, int *after)
{
    int out = (in + stride - 1) / stride, need = (out - 1) * stride + kernel - in;
    need = need > 0 ? need : 0;
    *before = upper ? need / 2 : need - need / 2;
    *after = need - *before;
}

// ceil_mode counts a last, incomplete window, unless it would start in the padding after the picture.
static int output_size(int in, int kernel, int stride, int before, int after, int ceil_mode)
{
    int room = in + before + after - kernel;
    if (room < 0)
        return 0;
    int out = (ceil_mode ? room + stride - 1 : room) / stride + 1;
    return ceil_mode && (out - 1) * stride >= in + before ? out - 1 : out;
}

int gcam_infer_window(const GcamInfer *infer, const GcamShape *x, const size_t kernel[2], GcamWindow *window)
{
    GcamWindow w = { .in_h = (int)x->dim[2], .in_w = (int)x->dim[3] };
    int error = x->dim[2] > MOST || x->dim[3] > MOST ? gcam_infer_unsupported(infer, "a picture of %zux%zu", x->dim[3],
                                                                               x->dim[2]) : 0;
    if (error)
        return error;
    if (kernel && (kernel[0] > MOST || kernel[1] > MOST))
        return gcam_infer_bad(infer, "a kernel of %zux%zu", kernel[0], kernel[1]);
    w.kernel_h = kernel ? (int)kernel[0] : 0;
    w.kernel_w = kernel ? (int)kernel[1] : 0;
    if (!kernel && (error = pair(infer, "kernel_shape", 1, -1, &w.kernel_h, &w.kernel_w)))
        return error;
    if (w.kernel_h < 1 || w.kernel_w < 1)
        return gcam_infer_bad(infer, "has no kernel_shape");
    if ((error = pair(infer, "strides", 1, 1, &w.stride_h, &w.stride_w)) ||
        (error = pair(infer, "dilations", 1, 1, &w.dilation_h, &w.dilation_w)))
        return error;
    int64_t pads[GCAM_MAX_RANK];
    int n = gcam_infer_ints(infer, "pads", -1, pads);
    if (n == -ENOENT)
        memset(pads, 0, sizeof(pads));
    else if (n != 4)
        return n < 0 ? n : gcam_infer_bad(infer, "pads has %d numbers", n);
    for (int i = 0; i < 4; i++)
        if (pads[i] < 0 || pads[i] > MOST)
            return gcam_infer_unsupported(infer, "a padding of %lld", (long long)pads[i]);
    w.pad_top = (int)pads[0], w.pad_left = (int)pads[1], w.pad_bottom = (int)pads[2], w.pad_right = (int)pads[3];

    int64_t reach_h = (int64_t)(w.kernel_h - 1) * w.dilation_h + 1;
    int64_t reach_w = (int64_t)(w.kernel_w - 1) * w.dilation_w + 1;
    if (reach_h > MOST || reach_w > MOST)
        return gcam_infer_bad(infer, "a window of %lldx%lld", (long long)reach_w, (long long)reach_h);
    const char *mode = gcam_node_string(infer->node, "auto_pad", "NOTSET");
    if (!strcmp(mode, "SAME_UPPER") || !strcmp(mode, "SAME_LOWER")) {
        same_padding(w.in_h, (int)reach_h, w.stride_h, mode[5] == 'U', &w.pad_top, &w.pad_bottom);
        same_padding(w.in_w, (int)reach_w, w.stride_w, mode[5] == 'U', &w.pad_left, &w.pad_right);
    } else if (!strcmp(mode, "VALID")) {
        w.pad_top = w.pad_left = w.pad_bottom = w.pad_right = 0;
    } else if (strcmp(mode, "NOTSET")) {
        return gcam_infer_bad(infer, "auto_pad '%s'", mode);
    }
    int ceil_mode = gcam_node_int(infer->node, "ceil_mode", 0) != 0;
    w.out_h = output_size(w.in_h, (int)reach_h, w.stride_h, w.pad_top, w.pad_bottom, ceil_mode);
    w.out_w = output_size(w.in_w, (int)reach_w, w.stride_w, w.pad_left, w.pad_right, ceil_mode);
    if (w.out_h < 1 || w.out_w < 1)
        return gcam_infer_unsupported(infer, "a window of %lldx%lld does not fit a picture of %dx%d",
                                      (long long)reach_w, (long long)reach_h, w.in_w, w.in_h);
    *window = w;
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attributes of a sliding window, checked: kernel_shape, strides, dilations, pads, auto_pad, ceil_mode. Output i covers
 * inputs i * stride - pad + k * dilation, k < kernel; there are floor((in + pads - reach) / stride) + 1 of them, with
 * reach = (kernel - 1) * dilation + 1, and one more for what is left where ceil_mode is set.
 */
#include "window.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MOST 32768              // of each size

// A number for each dimension from an attribute to the same member of each span; the fallback where it is absent.
static int read_list(const GcamInfer *infer, const char *name, int64_t least, int64_t fallback, int dims, int *to)
{
    enum { APART = sizeof(GcamSpan) / sizeof(int) };
    int64_t list[GCAM_MAX_RANK];
    int n = gcam_infer_ints(infer, name, -1, list);
    if (n < 0 && n != -ENOENT)
        return n;
    for (int i = 0; n == -ENOENT && i < dims; i++)
        list[i] = fallback;
    if (n != -ENOENT && n != dims)
        return gcam_infer_bad(infer, "%s has %d numbers for %d dimensions", name, n, dims);
    for (int i = 0; i < dims; i++) {
        if (list[i] < least || list[i] > MOST)
            return gcam_infer_bad(infer, "%s of %lld", name, (long long)list[i]);
        to[i * APART] = (int)list[i];
    }
    return 0;
}

static int read_pads(const GcamInfer *infer, int dims, GcamSpan *span)
{
    int64_t pads[GCAM_MAX_RANK];
    int n = gcam_infer_ints(infer, "pads", -1, pads);
    if (n == -ENOENT)
        memset(pads, 0, sizeof(pads));
    else if (n != 2 * dims)
        return n < 0 ? n : gcam_infer_bad(infer, "pads has %d numbers", n);
    for (int i = 0; i < 2 * dims; i++)
        if (pads[i] < 0 || pads[i] > MOST)
            return gcam_infer_unsupported(infer, "a padding of %lld", (long long)pads[i]);
    for (int i = 0; i < dims; i++) {
        span[i].before = (int)pads[i];
        span[i].after = (int)pads[dims + i];
    }
    return 0;
}

int gcam_infer_kernel(const GcamInfer *infer, const GcamShape *x, const size_t *kernel, GcamSpan *span)
{
    const int dims = x->rank - 2;
    int error;
    memset(span, 0, (size_t)dims * sizeof(*span));
    for (int i = 0; i < dims; i++) {
        if (x->dim[2 + i] > MOST)
            return gcam_infer_unsupported(infer, "a dimension of %zu", x->dim[2 + i]);
        if (kernel && kernel[i] > MOST)
            return gcam_infer_bad(infer, "a kernel of %zu", kernel[i]);
        span[i].in = (int)x->dim[2 + i];
        span[i].kernel = kernel ? (int)kernel[i] : 0;
    }
    if (!kernel && !gcam_node_attribute(infer->node, "kernel_shape"))
        return gcam_infer_bad(infer, "has no kernel_shape");
    if (!kernel && (error = read_list(infer, "kernel_shape", 1, 0, dims, &span->kernel)))
        return error;
    if ((error = read_list(infer, "strides", 1, 1, dims, &span->stride)) ||
        (error = read_list(infer, "dilations", 1, 1, dims, &span->dilation)) ||
        (error = read_pads(infer, dims, span)))
        return error;
    for (int i = 0; i < dims; i++) {
        if (span[i].kernel < 1)
            return gcam_infer_bad(infer, "has no kernel_shape");
        if (gcam_span_reach(&span[i]) > MOST)
            return gcam_infer_bad(infer, "a window over %lld", (long long)gcam_span_reach(&span[i]));
    }
    return 0;
}

// auto_pad SAME: as many outputs as inputs divided by the stride, rounded up; the odd pad behind (UPPER) or before.
static void same_padding(GcamSpan *span, int upper)
{
    int out = (span->in + span->stride - 1) / span->stride;
    int need = (out - 1) * span->stride + (int)gcam_span_reach(span) - span->in;
    need = need > 0 ? need : 0;
    span->before = upper ? need / 2 : need - need / 2;
    span->after = need - span->before;
}

// ceil_mode counts a last, incomplete window, unless it would start in the padding after the picture; also a first one
// that is larger than the picture.
static int output_size(const GcamSpan *span, int ceil_mode)
{
    int room = span->in + span->before + span->after - (int)gcam_span_reach(span);
    if (room < 0)
        return ceil_mode && -room < span->stride ? 1 : 0;
    int out = (ceil_mode ? room + span->stride - 1 : room) / span->stride + 1;
    return ceil_mode && (out - 1) * span->stride >= span->in + span->before ? out - 1 : out;
}

static int does_not_fit(const GcamInfer *infer, int dims, const GcamSpan *span)
{
    GcamShape window = { dims, { 0 } }, picture = { dims, { 0 } };
    char text[GCAM_SHAPE_TEXT], other[GCAM_SHAPE_TEXT];
    for (int i = 0; i < dims; i++) {            // the width first, as pictures are spoken of
        window.dim[dims - 1 - i] = (size_t)gcam_span_reach(&span[i]);
        picture.dim[dims - 1 - i] = (size_t)span[i].in;
    }
    return gcam_infer_unsupported(infer, "a window of %s does not fit a picture of %s", gcam_shape_text(&window, text),
                                  gcam_shape_text(&picture, other));
}

int gcam_infer_spans(const GcamInfer *infer, const GcamShape *x, const size_t *kernel, GcamSpan *span)
{
    const int dims = x->rank - 2, ceil_mode = gcam_node_int(infer->node, "ceil_mode", 0) != 0;
    const char *mode = gcam_node_string(infer->node, "auto_pad", "NOTSET");
    const int same = !strcmp(mode, "SAME_UPPER") || !strcmp(mode, "SAME_LOWER"), valid = !strcmp(mode, "VALID");
    int error = gcam_infer_kernel(infer, x, kernel, span);
    if (error)
        return error;
    if (!same && !valid && strcmp(mode, "NOTSET"))
        return gcam_infer_bad(infer, "auto_pad '%s'", mode);
    for (int i = 0; i < dims; i++) {
        if (same)
            same_padding(&span[i], mode[5] == 'U');
        else if (valid)
            span[i].before = span[i].after = 0;
        span[i].out = output_size(&span[i], ceil_mode);
        if (span[i].out < 1)
            return does_not_fit(infer, dims, span);
    }
    return 0;
}

int gcam_infer_window(const GcamInfer *infer, const GcamShape *x, const size_t kernel[2], GcamWindow *window)
{
    GcamSpan span[2];
    int error = gcam_infer_spans(infer, x, kernel, span);
    if (error)
        return error;
    *window = (GcamWindow){
        .kernel_h = span[0].kernel, .kernel_w = span[1].kernel, .stride_h = span[0].stride, .stride_w = span[1].stride,
        .dilation_h = span[0].dilation, .dilation_w = span[1].dilation, .pad_top = span[0].before,
        .pad_left = span[1].before, .pad_bottom = span[0].after, .pad_right = span[1].after,
        .in_h = span[0].in, .in_w = span[1].in, .out_h = span[0].out, .out_w = span[1].out,
    };
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Col2Im, the sum of overlapping blocks: what column l of x [N, C x taps, L] holds lies where the window of index l
 * would look, as a convolution's. That is ConvTranspose, each tap of a channel with a kernel that is 1 at this tap:
 *
 *     [N, C x taps, L] -> Reshape [N, C x taps, windows ..] -> ConvTranspose, C groups -> [N, C, image ..]
 */
#include "rewrite.h"

#include <errno.h>

enum { MOST_TAPS = 1 << 10 };       // the kernels are that many times as large as a column

// What Col2Im is told, checked: along each dimension the image, and how many windows lie on it.
typedef struct Blocks {
    int dims;
    int64_t image[GCAM_MAX_RANK], block[GCAM_MAX_RANK], stride[GCAM_MAX_RANK], pads[GCAM_MAX_RANK];
    int64_t dilation[GCAM_MAX_RANK], more[GCAM_MAX_RANK];     // more: of the image behind the last window
    size_t windows[GCAM_MAX_RANK], taps;
} Blocks;

// A list of `count` numbers of at least `least`, all of them that where the attribute is not there.
static int read_list(GcamRewrite *rewrite, const char *name, int count, int64_t least, int64_t *list)
{
    const int given = gcam_infer_ints(&rewrite->infer, name, -1, list);
    if (given == -ENOENT) {
        for (int i = 0; i < count; i++)
            list[i] = least;
        return 0;
    }
    if (given < 0)
        return given;
    for (int i = 0; i < given; i++)
        if (list[i] < least || list[i] > 1 << 15)
            return gcam_infer_bad(&rewrite->infer, "%s of %lld", name, (long long)list[i]);
    return given == count ? 0 : gcam_infer_bad(&rewrite->infer, "%s of %d numbers", name, given);
}

static int read_blocks(GcamRewrite *rewrite, Blocks *blocks)
{
    const GcamInfer *infer = &rewrite->infer;
    blocks->dims = gcam_infer_ints(infer, NULL, 1, blocks->image);
    const int dims = blocks->dims, sized = dims < 0 ? dims : gcam_infer_ints(infer, NULL, 2, blocks->block);
    if (sized < 0)
        return sized;
    if (dims < 1 || dims > 3 || sized != dims)
        return gcam_infer_unsupported(infer, "an image of %d dimensions and blocks of %d", dims, sized);
    int error = read_list(rewrite, "strides", dims, 1, blocks->stride);
    error = error ? error : read_list(rewrite, "dilations", dims, 1, blocks->dilation);
    error = error ? error : read_list(rewrite, "pads", 2 * dims, 0, blocks->pads);
    blocks->taps = 1;
    for (int i = 0; i < dims && !error; i++) {
        const int64_t image = blocks->image[i], block = blocks->block[i];
        if (image < 1 || image > 1 << 15 || block < 1 || block > 1 << 10)
            return gcam_infer_bad(infer, "an image of %lld and blocks of %lld", (long long)image, (long long)block);
        const int64_t room = image + blocks->pads[i] + blocks->pads[dims + i] - blocks->dilation[i] * (block - 1) - 1;
        if (room < 0)
            return gcam_infer_bad(infer, "blocks of %lld reach beyond the image", (long long)block);
        blocks->windows[i] = (size_t)(room / blocks->stride[i]) + 1;
        blocks->more[i] = room % blocks->stride[i];
        blocks->taps *= (size_t)block;
    }
    if (!error && blocks->taps > MOST_TAPS)
        return gcam_infer_unsupported(infer, "blocks of %zu values", blocks->taps);
    return error;
}

static int apply_col2im(GcamRewrite *rewrite)
{
    const GcamNode *node = &rewrite->whole;
    Blocks blocks = { 0 };
    if (node->inputs != 3 || node->input[0] < 0 || node->input[1] < 0 || node->input[2] < 0)
        return gcam_infer_bad(&rewrite->infer, "has %d inputs", node->inputs);
    const int error = read_blocks(rewrite, &blocks), dims = blocks.dims;
    const GcamShape *x = gcam_rewrite_shape(rewrite, node->input[0]);
    if (error)
        return error;
    const size_t channels = x->rank == 3 ? x->dim[1] / blocks.taps : 0;
    GcamShape places = { 2 + dims, { x->dim[0], channels * blocks.taps } };
    GcamShape kernel = { 2 + dims, { channels * blocks.taps, 1 } };
    size_t windows = 1;
    for (int i = 0; i < dims; i++) {
        windows *= places.dim[2 + i] = blocks.windows[i];
        kernel.dim[2 + i] = (size_t)blocks.block[i];
    }
    if (!channels || x->dim[1] != channels * blocks.taps || x->dim[2] != windows)
        return gcam_infer_bad(&rewrite->infer, "its input is no blocks of %zu values in %zu places", blocks.taps,
                              windows);
    float *weights;
    const int w = gcam_rewrite_floats(rewrite, &kernel, &weights);
    for (size_t i = 0; w >= 0 && i < channels * blocks.taps; i++)
        for (size_t tap = 0; tap < blocks.taps; tap++)
            weights[i * blocks.taps + tap] = i % blocks.taps == tap;
    const int64_t *lists[] = { blocks.stride, blocks.dilation, blocks.pads, blocks.more };
    static const char *const names[] = { "strides", "dilations", "pads", "output_padding" };
    GcamAttribute attribute[5] = { [4] = { .name = "group", .i = (int64_t)channels } };
    for (int i = 0; i < 4; i++)
        attribute[i] = gcam_rewrite_ints(rewrite, names[i], lists[i], i == 2 ? 2 * dims : dims);
    const int input[2] = { gcam_rewrite_reshape(rewrite, node->input[0], &places, -1), w };
    gcam_rewrite_add(rewrite, "ConvTranspose", 2, input, 5, attribute, node->output[0]);
    return gcam_rewrite_end(rewrite);
}

const GcamRewriteRule gcam_rewrite_rules_windows[] = { { "Col2Im", apply_col2im }, { 0 } };

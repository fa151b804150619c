/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: the frames in order. Out: which of them are key frames of the filter.
 *
 * A cut is found by the scene score of FFmpeg's select filter: with d the mean absolute difference of two frames, in
 * code values of 8 bits, and d' that of the frames before, min(d, |d - d'|) / 100, at most 1. Here it is taken of the
 * first plane alone, and of some of its rows.
 */
#include "keys.h"

#include <math.h>

#include "libavutil/common.h"
#include "libavutil/imgutils.h"
#include "libavutil/mem.h"
#include "libavutil/pixdesc.h"

#include "ffcompat.h"

// Rows of a frame that are compared, about; with more than 8 bits, where FFmpeg has plain C only.
#define ROWS 270
#define ROWS_16 68

// Keeps the rows for the next frame.
static int keep_luma(GcamKeys *k, const AVFrame *frame, int width, int height, int skip, int bytes)
{
    const size_t size = (size_t)width * bytes * height;

    if (size > k->luma_size) {
        av_freep(&k->luma);
        k->luma_size = 0;
        k->luma_width = 0;
        if (!(k->luma = av_malloc(size)))
            return AVERROR(ENOMEM);
        k->luma_size = size;
    }
    av_image_copy_plane(k->luma, width * bytes, frame->data[0], frame->linesize[0] * skip, width * bytes, height);
    return 0;
}

// Whether what is kept of the frames before is forgotten here, so that a video that is cut up there gives the same.
static int begins_anew(const GcamKeys *k, const AVFrame *frame)
{
    return k->origin == GCAM_ORIGIN_KEYFRAME && gcam_is_keyframe(frame);
}

// Whether the frame begins a new scene.
static int find_cut(GcamKeys *k, const AVFrame *frame)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const int bits = desc->comp[0].depth + desc->comp[0].shift, bytes = bits > 8 ? 2 : 1;
    const int skip = FFMAX(frame->height / (bits > 8 ? ROWS_16 : ROWS), 1), height = frame->height / skip;
    const int width = av_image_get_linesize(frame->format, frame->width, 0) / bytes;
    double difference = 0, score = 0;
    int ret;

    if (width == k->luma_width && height == k->luma_height && bits == k->luma_bits) {
        uint64_t sum = 0;

        k->sad(k->luma, width * bytes, frame->data[0], (ptrdiff_t)frame->linesize[0] * skip, width, height, &sum);
        difference = sum / ((double)width * height) / (1 << (bits - 8));
        score = FFMIN3(difference / 100, fabs(difference - k->difference) / 100, 1);
    } else if (!(k->sad = ff_scene_sad_get_fn(bits > 8 ? 16 : 8))) {
        k->sad = bits > 8 ? ff_scene_sad16_c : ff_scene_sad_c;
    }
    k->difference = begins_anew(k, frame) ? 0 : difference;
    ret = keep_luma(k, frame, width, height, skip, bytes);
    if (ret < 0)
        return ret;
    k->luma_width = width;
    k->luma_height = height;
    k->luma_bits = bits;
    return score >= k->scene;
}

// Whether the stride asks for a key frame.
static int is_turn(GcamKeys *k, const AVFrame *frame)
{
    k->since++;
    if (k->origin == GCAM_ORIGIN_TIMESTAMP && k->frame_rate.num > 0 && frame->pts != AV_NOPTS_VALUE) {
        const int64_t number = av_rescale_q(frame->pts, k->time_base, av_inv_q(k->frame_rate));
        const int64_t slot = number >= 0 ? number / k->stride : (number + 1) / k->stride - 1;
        const int turn = slot != k->slot;

        k->slot = slot;
        return turn;
    }
    return k->since >= k->stride || begins_anew(k, frame);
}

int gcam_keys_frame(GcamKeys *k, const AVFrame *frame)
{
    const int cut = k->scene > 0 ? find_cut(k, frame) : 0;

    if (cut < 0)
        return cut;
    k->fresh |= cut;
    k->due |= is_turn(k, frame) | cut;
    return k->due;
}

void gcam_keys_taken(GcamKeys *k)
{
    k->since = 0;
    k->due = 0;
    k->fresh = 0;
}

void gcam_keys_restart(GcamKeys *k)
{
    k->due = 1;
    k->fresh = 1;
}

void gcam_keys_reset(GcamKeys *k)
{
    av_freep(&k->luma);
    k->luma_size = 0;
    k->luma_width = 0;
    k->difference = 0;
    k->slot = INT64_MIN;
    gcam_keys_restart(k);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: the frames in order with their motion vectors, and the maps of key frames. Out: the maps on each frame.
 */
#include "between.h"

#include <string.h>

#include "libavutil/common.h"
#include "libavutil/error.h"
#include "libavutil/mem.h"
#include "libavutil/motion_vector.h"

static int prepare_motion(GcamBetween *b, const AVFrame *frame)
{
    if (b->motion && frame->width == b->motion_width && frame->height == b->motion_height)
        return 0;
    gradcam_motion_free(&b->motion);
    b->motion_width = frame->width;
    b->motion_height = frame->height;
    return gradcam_motion_create(&b->motion, frame->width, frame->height);
}

// The decoder's vectors in b->vector; returns how many.
static int64_t read_vectors(GcamBetween *b, const AVFrame *frame)
{
    const AVFrameSideData *side = av_frame_get_side_data(frame, AV_FRAME_DATA_MOTION_VECTORS);
    const AVMotionVector *from = side ? (const AVMotionVector *)side->data : NULL;
    const size_t count = side ? side->size / sizeof(*from) : 0;

    av_fast_malloc(&b->vector, &b->vector_size, FFMAX(count, 1) * sizeof(*b->vector));
    if (!b->vector)
        return AVERROR(ENOMEM);
    for (size_t i = 0; i < count; i++) {
        const float scale = from[i].motion_scale ? from[i].motion_scale : 1;

        b->vector[i] = (GradcamMotionVector){
            from[i].dst_x - from[i].w / 2, from[i].dst_y - from[i].h / 2, from[i].w, from[i].h,
            from[i].motion_x / scale, from[i].motion_y / scale, from[i].source > 0
        };
    }
    return count;
}

int gcam_between_follow(GcamBetween *b, const AVFrame *frame, int key, int marked)
{
    const enum GradcamPictureType type = frame->pict_type == AV_PICTURE_TYPE_B ? GRADCAM_PICTURE_B
                                       : frame->pict_type == AV_PICTURE_TYPE_I ? GRADCAM_PICTURE_I
                                                                               : GRADCAM_PICTURE_P;
    int64_t count;
    int ret;

    if (b->interp != GCAM_INTERP_MOTION)
        return 0;
    if ((ret = prepare_motion(b, frame)) < 0)
        return ret;
    if ((count = read_vectors(b, frame)) < 0)
        return count;
    gradcam_motion_frame(b->motion, type, b->vector, count);
    if (marked)
        gradcam_motion_mark(b->motion);
    else if (key)
        gradcam_motion_key(b->motion);
    return 0;
}

void gcam_between_key_marked(GcamBetween *b)
{
    if (b->motion)
        gradcam_motion_key_marked(b->motion);
}

// Room for the maps of all targets.
static int allocate_maps(GcamBetween *b, size_t targets, GcamPlanes *planes)
{
    av_fast_malloc(&b->map, &b->map_size, sizeof(*b->map) * targets * planes->width * planes->height);
    planes->map = b->map;
    planes->own = 1;
    return b->map ? 0 : AVERROR(ENOMEM);
}

// interp=motion: the maps of the key frame, moved.
static int move_maps(GcamBetween *b, const GcamHeat *heat, GcamPlanes *planes)
{
    const GradcamRegion region = planes->region;
    int ret;

    gradcam_motion_size(b->motion, &planes->width, &planes->height);
    if ((ret = allocate_maps(b, heat->result->count, planes)) < 0)
        return ret;
    for (size_t i = 0; i < heat->result->count; i++)
        gradcam_motion_apply(b->motion, heat->map + i * heat->width * heat->height, heat->width, heat->height, &region,
                             b->map + i * planes->width * planes->height);
    planes->region = (GradcamRegion){
        0, 0, GRADCAM_MOTION_BLOCK * planes->width, GRADCAM_MOTION_BLOCK * planes->height
    };
    return 0;
}

// interp=linear: between the maps of the key frames before and after.
static int mix_maps(GcamBetween *b, const GcamHeat *heat, int64_t number, GcamPlanes *planes)
{
    const GcamHeat *next = heat->next;
    const float share = (float)(number - heat->number) / (next->number - heat->number);
    const size_t size = heat->result->count * heat->width * heat->height;
    int ret = allocate_maps(b, heat->result->count, planes);

    if (ret < 0)
        return ret;
    for (size_t i = 0; i < size; i++)
        b->map[i] = heat->map[i] + share * (next->map[i] - heat->map[i]);
    return 0;
}

// Whether the maps of the key frame after are there and of the same things.
static int next_fits(const GcamHeat *heat)
{
    const GcamHeat *next = heat->next;

    return next && next->result && next->result->count == heat->result->count && next->width == heat->width &&
           next->height == heat->height;
}

int gcam_between_planes(GcamBetween *b, const GcamHeat *heat, int64_t number, const GradcamRegion *region,
                        GcamPlanes *planes)
{
    const GcamPlanes own = { heat->map, heat->width, heat->height, *region, 0 };
    int ret = 0;

    *planes = own;
    if (b->interp == GCAM_INTERP_MOTION)        // on the key frame too: it tells which vectors matter later
        ret = move_maps(b, heat, planes);
    else if (b->interp == GCAM_INTERP_LINEAR && number > heat->number && next_fits(heat))
        ret = mix_maps(b, heat, number, planes);
    if (number == heat->number)
        *planes = own;
    return ret;
}

void gcam_between_reset(GcamBetween *b)
{
    gradcam_motion_free(&b->motion);
    av_freep(&b->vector);
    b->vector_size = 0;
    av_freep(&b->map);
    b->map_size = 0;
}

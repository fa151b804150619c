/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: the frames in order with their motion vectors, and the maps of key frames. Out: the maps on each frame.
 */
#include "between.h"
#include "gradcam_motion.h"

#include "libavutil/common.h"
#include "libavutil/error.h"
#include "libavutil/mem.h"
#include "libavutil/motion_vector.h"

// A map and its size.
typedef struct GcamFine {
    const float *map;
    int width, height;
} GcamFine;

static int prepare_motion(GcamBetween *b, const AVFrame *frame)
{
    if (b->motion && frame->width == b->motion_width && frame->height == b->motion_height)
        return 0;
    gradcam_motion_free(&b->motion);
    b->motion_width = frame->width;
    b->motion_height = frame->height;
    b->key = -1;
    b->way_end = b->way_first;
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

// Keeps the way of the newest frame; the first one after a gap begins anew. There is room for one more behind the last.
static int keep_way(GcamBetween *b, int64_t number)
{
    const size_t count = gradcam_motion_way_count(b->motion);
    GradcamShift *way;

    if (number != b->way_end)
        b->way_first = b->way_end = number;
    way = av_fast_realloc(b->way, &b->way_size, (number + 2 - b->way_first) * count * sizeof(*way));
    if (!way)
        return AVERROR(ENOMEM);
    b->way = way;
    b->way_end = number + 1;
    return gradcam_motion_way(b->motion, way + (number - b->way_first) * count, count);
}

int gcam_between_follow(GcamBetween *b, const AVFrame *frame, int64_t number, int flags)
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
    if (flags & GCAM_FOLLOW_FRESH) {
        gradcam_motion_reset(b->motion);
        b->key = -1;
    }
    gradcam_motion_frame(b->motion, type, b->vector, count);
    b->followed = number;
    b->moving |= count > 0;
    if (flags & GCAM_FOLLOW_MARK)
        gradcam_motion_mark(b->motion);
    return flags & GCAM_FOLLOW_KEEP ? keep_way(b, number) : 0;
}

// Tells the motion where it is hot: the greatest value of all targets at each place.
static int take_key(GcamBetween *b, const GcamHeat *heat, const GradcamRegion *region,
                    void (*take)(GradcamMotion *motion, const float *map, int map_width, int map_height,
                                 const GradcamRegion *region))
{
    const size_t size = (size_t)heat->width * heat->height;

    if (!b->motion)
        return 0;
    av_fast_malloc(&b->map, &b->map_size, sizeof(*b->map) * size);
    if (!b->map)
        return AVERROR(ENOMEM);
    gradcam_maps_join(heat->map, heat->result->count, size, b->map);
    take(b->motion, b->map, heat->width, heat->height, region);
    b->key = heat->number;
    b->moved = b->moving;
    b->moving = 0;
    return 0;
}

int gcam_between_key(GcamBetween *b, const GcamHeat *heat, const GradcamRegion *region)
{
    return take_key(b, heat, region, gradcam_motion_key);
}

int gcam_between_key_marked(GcamBetween *b, const GcamHeat *heat, const GradcamRegion *region)
{
    const int moving = b->moving;
    const int ret = take_key(b, heat, region, gradcam_motion_key_marked);

    b->moving = moving;                 // since the key frame: there may have been vectors already
    return ret;
}

// Room for the maps of all targets.
static int allocate_maps(GcamBetween *b, size_t targets, GcamPlanes *planes)
{
    av_fast_malloc(&b->map, &b->map_size, sizeof(*b->map) * targets * planes->width * planes->height);
    planes->map = b->map;
    planes->own = 1;
    return b->map ? 0 : AVERROR(ENOMEM);
}

// The whole of the frame.
static int prepare_moved(GcamBetween *b, size_t targets, GcamPlanes *planes)
{
    gradcam_motion_size(b->motion, &planes->width, &planes->height);
    planes->region = (GradcamRegion){ 0, 0, b->motion_width, b->motion_height };
    return allocate_maps(b, targets, planes);
}

// A key frame's map of a target on a grid as fine as that of the moved ones, into one of two places of memory: where
// few cells are moved, the edges between them are seen. Not where it is as fine already.
static int enlarge_map(GcamBetween *b, const GcamHeat *heat, size_t target, int place, const GcamPlanes *planes,
                       GcamFine *fine)
{
    const size_t size = (size_t)planes->width * planes->height;
    int ret;

    *fine = (GcamFine){ heat->map + target * heat->width * heat->height, heat->width, heat->height };
    if (heat->width >= planes->width || heat->height >= planes->height)
        return 0;
    av_fast_malloc(&b->fine, &b->fine_size, sizeof(*b->fine) * 2 * size);
    if (!b->fine)
        return AVERROR(ENOMEM);
    ret = gradcam_map_upsample(fine->map, fine->width, fine->height, b->fine + place * size, size, planes->width,
                               planes->height, heat->style->overlay.upsample);
    *fine = (GcamFine){ b->fine + place * size, planes->width, planes->height };
    return ret;
}

// interp=motion, where the next key frame is not known: the maps of the one before, moved on.
static int move_maps(GcamBetween *b, const GcamHeat *heat, GcamPlanes *planes)
{
    const GradcamRegion region = planes->region;
    GcamFine fine;
    int ret = prepare_moved(b, heat->result->count, planes);

    for (size_t i = 0; ret >= 0 && i < heat->result->count; i++)
        if ((ret = enlarge_map(b, heat, i, 0, planes, &fine)) >= 0)
            ret = gradcam_motion_apply(b->motion, NULL, fine.map, fine.width, fine.height, &region,
                                       b->map + i * planes->width * planes->height,
                                       (size_t)planes->width * planes->height);
    return ret;
}

// How far a frame is from one key frame to the next, 0 to 1: by time, or by number where times are not known or go
// back.
static float find_share(const GcamHeat *heat, int64_t number, double time)
{
    const GcamHeat *next = heat->next;

    if (heat->time <= time && time <= next->time && heat->time < next->time)
        return (time - heat->time) / (next->time - heat->time);
    return (float)(number - heat->number) / (next->number - heat->number);
}

// interp=motion: between the maps of the key frame before, moved on, and those of the one after, moved back.
static int meet_maps(GcamBetween *b, const GcamHeat *heat, int64_t number, float share, GcamPlanes *planes)
{
    const GcamHeat *next = heat->next;
    const size_t targets = heat->result->count, count = gradcam_motion_way_count(b->motion);
    const GradcamShift *way = b->way + (number - b->way_first) * count;
    const GradcamShift *next_way = b->way + (next->number - b->way_first) * count;
    GradcamShift *on = b->way + (b->way_end - b->way_first) * count;
    const GradcamRegion region = planes->region;
    GcamFine fine, later;
    int ret = prepare_moved(b, targets, planes);

    if (ret >= 0)
        ret = gradcam_motion_way_on(b->motion, way, next_way, on, count);
    for (size_t i = 0; ret >= 0 && i < targets; i++) {
        const size_t size = (size_t)planes->width * planes->height;

        if ((ret = enlarge_map(b, heat, i, 0, planes, &fine)) < 0 ||
            (ret = enlarge_map(b, next, i, 1, planes, &later)) < 0)
            return ret;
        ret = gradcam_motion_meet(b->motion, way, fine.map, on, later.map, share, fine.width, fine.height, &region,
                                  b->map + i * size, size);
    }
    return ret;
}

// interp=linear: between the maps of the key frames before and after.
static int mix_maps(GcamBetween *b, const GcamHeat *heat, float share, GcamPlanes *planes)
{
    const GcamHeat *next = heat->next;
    const size_t size = heat->result->count * heat->width * heat->height;
    int ret = allocate_maps(b, heat->result->count, planes);

    if (ret < 0)
        return ret;
    gradcam_maps_between(heat->map, next->map, share, size, b->map);
    return 0;
}

// Whether the maps of the key frame after are there and of the same things.
static int next_fits(const GcamHeat *heat)
{
    const GcamHeat *next = heat->next;

    return next && next->result && next->result->count == heat->result->count && next->width == heat->width &&
           next->height == heat->height && next->turns == heat->turns &&
           next->result->method.info == heat->result->method.info;
}

int gcam_between_planes(GcamBetween *b, const GcamHeat *heat, int64_t number, double time,
                        const GradcamRegion *region, GcamPlanes *planes)
{
    *planes = (GcamPlanes){ heat->map, heat->width, heat->height, *region, 0 };
    if (number == heat->number)
        return 0;
    if (b->interp == GCAM_INTERP_LINEAR && next_fits(heat))
        return mix_maps(b, heat, find_share(heat, number, time), planes);
    if (b->interp == GCAM_INTERP_MOTION && b->key == heat->number && b->followed == number && b->moving)
        return move_maps(b, heat, planes);
    if (b->interp == GCAM_INTERP_MOTION && next_fits(heat) && b->key == heat->next->number && b->moved &&
        number >= b->way_first && b->way_end > heat->next->number)
        return meet_maps(b, heat, number, find_share(heat, number, time), planes);
    return 0;
}

void gcam_between_reset(GcamBetween *b)
{
    gradcam_motion_free(&b->motion);
    av_freep(&b->vector);
    b->vector_size = 0;
    av_freep(&b->way);
    b->way_size = 0;
    b->way_first = b->way_end = 0;
    b->followed = b->key = -1;
    b->moving = b->moved = 0;
    av_freep(&b->map);
    b->map_size = 0;
    av_freep(&b->fine);
    b->fine_size = 0;
}

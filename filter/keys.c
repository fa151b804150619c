/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: the frames in order. Out: which of them are key frames of the filter.
 */
#include "keys.h"

#include <limits.h>
#include <math.h>

#include "libavutil/common.h"
#include "libavutil/error.h"
#include "libavutil/mathematics.h"

#include "ffcompat.h"

// Of GCAM_STRIDE_AUTO: frames, and the distance in seconds from which on each frame stands for itself.
#define AUTO_STRIDE 5
#define AUTO_APART  0.2

// Timestamps are rounded to their time base: times that differ by less are the same.
#define TIME_SLACK  0.0015

static int frames_of_stride(const GcamKeys *k)
{
    return k->stride == GCAM_STRIDE_AUTO ? AUTO_STRIDE : k->stride;
}

// Seconds from frame to frame, 0 where that is not known.
static double frame_time(const GcamKeys *k)
{
    return k->frame_rate.num > 0 && k->frame_rate.den > 0 ? av_q2d(av_inv_q(k->frame_rate)) : 0;
}

// Whether each frame stands for itself, as photos do.
static int are_sparse(const GcamKeys *k)
{
    return k->stride == GCAM_STRIDE_AUTO && frame_time(k) >= AUTO_APART - TIME_SLACK;
}

int gcam_keys_frames(const GcamKeys *k)
{
    const double frame = frame_time(k);

    if (k->every > 0 && frame > 0)
        return lrint(av_clipd(ceil(k->every / frame - TIME_SLACK), 1, INT_MAX));
    return are_sparse(k) ? 1 : frames_of_stride(k);
}

double gcam_keys_seconds(const GcamKeys *k)
{
    return k->every > 0 ? k->every : gcam_keys_frames(k) * frame_time(k);
}

// Whether what is kept of the frames before is forgotten here, so that a video that is cut up there gives the same.
static int begins_anew(const GcamKeys *k, const AVFrame *frame)
{
    return k->origin == GCAM_ORIGIN_KEYFRAME && gcam_is_keyframe(frame);
}

// Of origin=timestamp: whether the frame is the first of its slot.
static int enters_slot(GcamKeys *k, int64_t slot)
{
    const int turn = slot != k->slot;

    k->slot = slot;
    return turn;
}

// The same by `every`. Where frames have no times, they are counted.
static int is_time(GcamKeys *k, double time)
{
    if (isnan(time) || (isnan(k->key_time) && k->origin != GCAM_ORIGIN_TIMESTAMP))
        return k->since >= gcam_keys_frames(k);
    if (k->origin == GCAM_ORIGIN_TIMESTAMP)
        return enters_slot(k, llrint(floor((time + TIME_SLACK) / k->every)));
    return time - k->key_time >= k->every - TIME_SLACK || time < k->key_time;
}

// Whether the frame, `apart` seconds after the one before, has its turn by the stride.
static int is_nth(GcamKeys *k, const AVFrame *frame, double apart)
{
    const int stride = frames_of_stride(k);

    if (isnan(apart) ? are_sparse(k) : k->stride == GCAM_STRIDE_AUTO && apart >= AUTO_APART - TIME_SLACK)
        return 1;
    if (k->origin == GCAM_ORIGIN_TIMESTAMP && k->frame_rate.num > 0 && frame->pts != AV_NOPTS_VALUE) {
        const int64_t number = av_rescale_q(frame->pts, k->time_base, av_inv_q(k->frame_rate));

        return enters_slot(k, number >= 0 ? number / stride : (number + 1) / stride - 1);
    }
    return k->since >= stride;
}

// Whether time or stride asks for a key frame.
static int is_turn(GcamKeys *k, const AVFrame *frame)
{
    const double time = frame->pts == AV_NOPTS_VALUE ? NAN : frame->pts * av_q2d(k->time_base);
    const double apart = time - k->time;        // NAN: not known
    int turn;

    k->since++;
    k->time = time;
    turn = k->every > 0 ? is_time(k, time) : is_nth(k, frame, apart);
    return turn || begins_anew(k, frame);
}

int gcam_keys_frame(GcamKeys *k, const AVFrame *frame)
{
    const int change = k->scene > 0 ? gcam_scene_frame(&k->seen, frame, k->scene) : 0;

    if (change < 0)
        return change;
    if (begins_anew(k, frame))
        gcam_scene_anew(&k->seen);
    k->fresh |= !!(change & GCAM_SCENE_CUT);
    k->due |= is_turn(k, frame) | !!change;
    return k->due;
}

void gcam_keys_taken(GcamKeys *k)
{
    k->since = 0;
    k->key_time = k->time;
    k->due = 0;
    k->fresh = 0;
    gcam_scene_key(&k->seen);
}

void gcam_keys_restart(GcamKeys *k)
{
    k->due = 1;
    k->fresh = 1;
}

void gcam_keys_reset(GcamKeys *k)
{
    gcam_scene_reset(&k->seen);
    k->slot = INT64_MIN;
    k->time = k->key_time = NAN;
    gcam_keys_restart(k);
}

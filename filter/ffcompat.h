/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What differs between the FFmpeg releases that the filter is built in, 5.1 to 9. All of it is here.
 */
#ifndef GCAM_FFCOMPAT_H
#define GCAM_FFCOMPAT_H

#include "avfilter.h"
#include "filters.h"
#include "formats.h"
#include "version.h"

#if LIBAVFILTER_VERSION_INT < AV_VERSION_INT(10, 4, 100)
#include "internal.h"           // before 7.1: what is in filters.h since
#define gcam_frame_rate(link) ((link)->frame_rate)
#else
#define gcam_frame_rate(link) (ff_filter_link(link)->frame_rate)
#endif

// Whether the frame is a key frame of the coded video.
static inline int gcam_is_keyframe(const AVFrame *frame)
{
#ifdef AV_FRAME_FLAG_KEY
    return !!(frame->flags & AV_FRAME_FLAG_KEY);
#else
    return frame->key_frame;
#endif
}

// Head of a function that tells the formats of a filter, what it ends in, and how the descriptor names it.
#ifdef FILTER_QUERY_FUNC2
#define GCAM_QUERY_FORMATS(name) \
    int name(const AVFilterContext *ctx, AVFilterFormatsConfig **in, AVFilterFormatsConfig **out)
#define gcam_set_formats(list) ff_set_common_formats_from_list2(ctx, in, out, (const int *)(list))
#define GCAM_FILTER_QUERY_FORMATS(name) FILTER_QUERY_FUNC2(name)
#else
#define GCAM_QUERY_FORMATS(name) int name(AVFilterContext *ctx)
#define gcam_set_formats(list) ff_set_common_formats_from_list(ctx, (const int *)(list))
#define GCAM_FILTER_QUERY_FORMATS(name) FILTER_QUERY_FUNC(name)
#endif

// The type of a filter's descriptor, and how its public fields are reached.
#if LIBAVFILTER_VERSION_MAJOR >= 11
typedef FFFilter GcamFilter;
#define GCAM_FILTER(field) .p.field
#else
typedef AVFilter GcamFilter;
#define GCAM_FILTER(field) .field
#endif

#endif

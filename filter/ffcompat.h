/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What differs between the FFmpeg releases that the filter is built in, 5.1 to 8. All of it is here.
 */
#ifndef GCAM_FFCOMPAT_H
#define GCAM_FFCOMPAT_H

#include "avfilter.h"
#include "filters.h"
#include "version.h"

#if LIBAVFILTER_VERSION_INT < AV_VERSION_INT(10, 4, 100)
#include "internal.h"           // before 7.1: what is in filters.h since
#define GCAM_NEWER_FORMATS      // swscale reads none of those that follow
#else
#define GCAM_NEWER_FORMATS AV_PIX_FMT_NV16,
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

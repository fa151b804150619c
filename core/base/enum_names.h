/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The names of an enumeration's values.
 */
#ifndef GCAM_BASE_ENUM_NAMES_H
#define GCAM_BASE_ENUM_NAMES_H

#include <errno.h>
#include <string.h>

#include "gradcam_picture.h"

// How many values this library knows. The interface does not say: they may become more.
#define GCAM_PRECISIONS     (GRADCAM_PRECISION_BF16 + 1)
#define GCAM_PROBABILITIES  (GRADCAM_PROBABILITY_NONE + 1)
#define GCAM_PHASES         (GRADCAM_PHASE_MAP + 1)
#define GCAM_SCALES         (GRADCAM_SCALE_FIXED + 1)
#define GCAM_COLORMAPS      (GRADCAM_COLORMAP_BWR + 1)
#define GCAM_OUTPUTS        (GRADCAM_OUTPUT_ALPHA + 1)
#define GCAM_TRANSFERS      (GRADCAM_TRANSFER_LINEAR + 1)
#define GCAM_PRIMARIES      (GRADCAM_PRIMARIES_P3 + 1)
#define GCAM_UPSAMPLES      (GRADCAM_UPSAMPLE_SPLINE + 1)

// Index of a name among `count` names, or -EINVAL. name may be NULL.
static inline int gcam_enum_find(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; i++)
        if (!strcmp(names[i], name))
            return i;
    return -EINVAL;
}

// Of an array of names in the order of the values: the name of one, or NULL; the value of a name, or -EINVAL.
#define GCAM_ENUM_NAME(names, value) ((size_t)(value) < sizeof(names) / sizeof(*(names)) ? (names)[value] : NULL)
#define GCAM_ENUM_FIND(names, name) gcam_enum_find(names, (int)(sizeof(names) / sizeof(*(names))), name)

#endif

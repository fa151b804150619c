/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Precisions by name.
 */
#include "gradcam.h"

#include "base/enum_names.h"

static const char *const names[GCAM_PRECISIONS] = {
    [GRADCAM_PRECISION_F32] = "f32",
    [GRADCAM_PRECISION_BF16] = "bf16",
};

const char *gradcam_precision_name(enum GradcamPrecision precision)
{
    return (unsigned)precision < GCAM_PRECISIONS ? names[precision] : NULL;
}

int gradcam_precision_find(const char *name)
{
    return gcam_enum_find(names, GCAM_PRECISIONS, name);
}

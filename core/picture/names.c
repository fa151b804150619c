/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names of what pictures and their colours are.
 */
#include "base/enum_names.h"
#include "gradcam_motion.h"

static const char *const models[] = { "rgb", "yuv", "gray" };
static const char *const matrices[] = { "bt601", "bt709", "bt2020", "smpte240m", "fcc", "ycgco" };
static const char *const blends[] = { "heat", "flat" };
static const char *const types[] = { "I", "P", "B" };

const char *gradcam_color_model_name(enum GradcamColorModel model)
{
    return GCAM_ENUM_NAME(models, model);
}

int gradcam_color_model_find(const char *name)
{
    return GCAM_ENUM_FIND(models, name);
}

const char *gradcam_matrix_name(enum GradcamMatrix matrix)
{
    return GCAM_ENUM_NAME(matrices, matrix);
}

int gradcam_matrix_find(const char *name)
{
    return GCAM_ENUM_FIND(matrices, name);
}

const char *gradcam_blend_name(enum GradcamBlend blend)
{
    return GCAM_ENUM_NAME(blends, blend);
}

int gradcam_blend_find(const char *name)
{
    return GCAM_ENUM_FIND(blends, name);
}

const char *gradcam_picture_type_name(enum GradcamPictureType type)
{
    return GCAM_ENUM_NAME(types, type);
}

int gradcam_picture_type_find(const char *name)
{
    return GCAM_ENUM_FIND(types, name);
}

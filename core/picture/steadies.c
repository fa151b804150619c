/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: results of a stream in their order, each with the raw maps of the same targets. Out: the maps from 0 to 1, those
 * of each target steady on their own.
 */
#include "gradcam_picture.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/sized.h"

// What is remembered of a target.
typedef struct Target {
    GradcamSteady *steady;
    char *name;                 // when its map was last seen
} Target;

struct GradcamSteadies {
    GradcamSteadySettings settings;     // of all of them
    Target *target;
    size_t count;
};

int gradcam_steadies_create(GradcamSteadies **out)
{
    *out = gcam_calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void gradcam_steadies_free(GradcamSteadies **steadies)
{
    if (!steadies || !*steadies)
        return;
    gradcam_steadies_reset(*steadies);
    gcam_free(*steadies);
    *steadies = NULL;
}

void gradcam_steadies_reset(GradcamSteadies *steadies)
{
    for (size_t i = 0; i < steadies->count; i++) {
        gradcam_steady_free(&steadies->target[i].steady);
        gcam_free(steadies->target[i].name);
    }
    gcam_free(steadies->target);
    steadies->target = NULL;
    steadies->count = 0;
}

static int same_settings(const GradcamSteadySettings *a, const GradcamSteadySettings *b)
{
    return a->smooth == b->smooth && a->scale == b->scale && a->release == b->release && a->low == b->low &&
           a->high == b->high && a->is_signed == b->is_signed && a->of_pixels == b->of_pixels;
}

// Makes ready for `count` targets.
static int prepare(GradcamSteadies *steadies, const GradcamSteadySettings *settings, size_t count)
{
    if (steadies->count != count || !same_settings(&steadies->settings, settings))
        gradcam_steadies_reset(steadies);
    if (steadies->count == count)
        return 0;
    steadies->settings = *settings;
    steadies->target = gcam_calloc(count, sizeof(*steadies->target));
    if (!steadies->target)
        return -ENOMEM;
    steadies->count = count;
    for (size_t i = 0; i < count; i++) {
        int error = gradcam_steady_create(&steadies->target[i].steady, settings);
        if (error) {
            gradcam_steadies_reset(steadies);
            return error;
        }
    }
    return 0;
}

// A target of another name has nothing to do with what was there before.
static int note_name(Target *target, const char *name)
{
    if (target->name && !strcmp(target->name, name))
        return 0;
    gcam_free(target->name);
    gradcam_steady_reset(target->steady);
    target->name = gcam_alloc(strlen(name) + 1, 1);
    if (!target->name)
        return -ENOMEM;
    strcpy(target->name, name);
    return 0;
}

int gradcam_steadies_update(GradcamSteadies *steadies, const GradcamSteadySettings *settings,
                            const GradcamResult *result, float *out, size_t capacity)
{
    const size_t size = (size_t)result->width * result->height;
    size_t needed = 0;
    GradcamSteadySettings own;
    if (gcam_mul(result->count, size, &needed) || needed > capacity)
        return -ENOSPC;
    GCAM_TAKE(own, settings);
    own.is_signed = result->method.info && result->method.info->is_signed;
    own.of_pixels = result->method.info && result->method.info->of_pixels;
    int seen = 0, error = prepare(steadies, &own, result->count);
    for (size_t i = 0; error >= 0 && i < result->count; i++) {
        error = note_name(&steadies->target[i], result->map[i].name);
        if (error >= 0)
            error = gradcam_steady_update(steadies->target[i].steady, result->map[i].map, size, result->time,
                                          out + i * size);
        seen |= error > 0;
    }
    return error < 0 ? error : seen;
}

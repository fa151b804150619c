/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Steady maps for video. In: raw maps at moments in time. Out: maps in 0..1 that neither flicker with the noise of
 * single frames nor pump because each is scaled on its own.
 */
#include "gradcam_picture.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/enum_names.h"
#include "base/mem.h"
#include "base/sized.h"

#define DEFAULT_RELEASE 2.0

struct GradcamSteady {
    GradcamSteadySettings settings;
    float *map;                 // smoothed
    size_t count;
    double time;                // of the last map
    double top;                 // running maximum
    int fresh;                  // nothing is remembered
};

int gradcam_steady_create(GradcamSteady **out, const GradcamSteadySettings *settings)
{
    GradcamSteadySettings own;
    const GradcamSteadySettings *s = &own;
    *out = NULL;
    GCAM_TAKE(own, settings);
    if (!(s->smooth >= 0) || !(s->release >= 0) || !isfinite(s->smooth) || !isfinite(s->release) ||
        (unsigned)s->scale >= GCAM_SCALES ||
        (s->scale == GRADCAM_SCALE_FIXED && (!(s->low < s->high) || !isfinite(s->low) || !isfinite(s->high))))
        return -EINVAL;
    GradcamSteady *steady = gcam_calloc(1, sizeof(*steady));
    if (!steady)
        return -ENOMEM;
    steady->settings = own;
    if (steady->settings.release == 0)
        steady->settings.release = DEFAULT_RELEASE;
    steady->fresh = 1;
    *out = steady;
    return 0;
}

void gradcam_steady_free(GradcamSteady **steady)
{
    if (!steady || !*steady)
        return;
    gcam_free((*steady)->map);
    gcam_free(*steady);
    *steady = NULL;
}

void gradcam_steady_reset(GradcamSteady *steady)
{
    steady->fresh = 1;
}

static int resize(GradcamSteady *steady, size_t count)
{
    if (count == steady->count)
        return 0;
    float *map = gcam_calloc(count, sizeof(*map));
    if (!map)
        return -ENOMEM;
    gcam_free(steady->map);
    steady->map = map;
    steady->count = count;
    steady->fresh = 1;
    return 0;
}

static void smooth(GradcamSteady *steady, const float *map, double passed)
{
    float share = 1;
    if (!steady->fresh && steady->settings.smooth > 0)
        share = (float)(1 - exp(-passed / steady->settings.smooth));
    for (size_t i = 0; i < steady->count; i++) {
        const float next = isfinite(map[i]) ? map[i] : 0, between = steady->map[i] + share * (next - steady->map[i]);
        steady->map[i] = share < 1 && isfinite(between) ? between : next;   // not: further apart than a float reaches
    }
}

// (m - low) / (high - low), clipped to least..1; whether anything is other than 0. A range too small to divide by, as
// a running maximum becomes that falls for half an hour, counts as empty.
static int scale(const float *map, size_t count, double low, double high, double least, float *out)
{
    const double whole = high > low ? 1 / (high - low) : 0, factor = isfinite(whole) ? whole : 0;
    int seen = 0;
    for (size_t i = 0; i < count; i++) {
        double m = (map[i] - low) * factor;
        out[i] = (float)(m < least ? least : m > 1 ? 1 : m);
        seen |= out[i] != 0;
    }
    return seen;
}

static double value_at(const GradcamSteady *steady, size_t i)
{
    return steady->settings.is_signed ? fabsf(steady->map[i]) : steady->map[i];
}

// Of maps of pixels: the value, to a millionth of the highest, that a hundredth of the pixels pass. A few are many
// times the others, which would not be seen beside them.
static double find_most(const GradcamSteady *steady, double top)
{
    double low = 0, high = top;
    while (high - low > 1e-6 * top) {
        const double middle = low + (high - low) / 2;
        size_t passing = 0;
        for (size_t i = 0; i < steady->count; i++)
            passing += value_at(steady, i) > middle;
        if (100 * passing > steady->count)
            low = middle;
        else
            high = middle;
    }
    return high;
}

// The highest value; of signed maps, the greatest magnitude.
static double find_top(const GradcamSteady *steady)
{
    double top = 0;
    for (size_t i = 0; i < steady->count; i++)
        top = value_at(steady, i) > top ? value_at(steady, i) : top;
    return steady->settings.of_pixels ? find_most(steady, top) : top;
}

// 0 stays 0.
static int scale_from_0(const GradcamSteady *steady, double top, float *out)
{
    const GradcamSteadySettings *s = &steady->settings;
    double high = s->scale == GRADCAM_SCALE_FIXED ? s->high : s->scale == GRADCAM_SCALE_RUNNING ? steady->top : top;
    return scale(steady->map, steady->count, 0, high, s->is_signed ? -1 : 0, out);
}

int gradcam_steady_update(GradcamSteady *steady, const float *map, size_t count, double time, float *out)
{
    const GradcamSteadySettings *s = &steady->settings;
    int error = resize(steady, count);
    if (error)
        return error;
    double passed = time - steady->time;
    if (!(passed >= 0))
        steady->fresh = 1;
    smooth(steady, map, passed);
    double top = find_top(steady);
    if (steady->fresh)
        steady->top = top;
    else
        steady->top = fmax(top, top + (steady->top - top) * exp(-passed / s->release));
    steady->time = time;
    steady->fresh = 0;
    if (s->is_signed || (s->of_pixels && s->scale == GRADCAM_SCALE_FRAME))
        return scale_from_0(steady, top, out);
    if (s->scale == GRADCAM_SCALE_RUNNING)
        return scale(steady->map, count, 0, steady->top, 0, out);
    if (s->scale == GRADCAM_SCALE_FIXED)
        return scale(steady->map, count, s->low, s->high, 0, out);
    memcpy(out, steady->map, count * sizeof(*out));
    return gradcam_map_normalize(out, count);
}

static const char *const names[GCAM_SCALES] = { "frame", "running", "fixed" };

const char *gradcam_scale_name(enum GradcamScale scale)
{
    return (unsigned)scale < GCAM_SCALES ? names[scale] : NULL;
}

int gradcam_scale_find(const char *name)
{
    return gcam_enum_find(names, GCAM_SCALES, name);
}

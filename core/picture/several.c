/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: several maps of one size, one after the other, each from 0 to 1. Out: one that joins or lies between them, or
 * one for each with its part of the whole.
 */
#include "several.h"

#include <math.h>
#include <string.h>

#include "gradcam_picture.h"

void gradcam_maps_join(const float *maps, size_t count, size_t size, float *out)
{
    if (count)
        memmove(out, maps, size * sizeof(*out));
    else
        memset(out, 0, size * sizeof(*out));
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < size; j++)
            out[j] = out[j] > maps[i * size + j] ? out[j] : maps[i * size + j];
}

void gradcam_maps_between(const float *from, const float *to, float share, size_t size, float *out)
{
    for (size_t i = 0; i < size; i++)
        out[i] = from[i] + share * (to[i] - from[i]);
}

// What of a map speaks for its class.
static float above(float m)
{
    return m < 0 ? 0 : m;
}

void gcam_maps_part(const float *maps, size_t count, size_t size, float *out)
{
    for (size_t j = 0; j < size; j++) {
        float sum = 0;
        for (size_t i = 0; i < count; i++)
            sum += above(maps[i * size + j]) * above(maps[i * size + j]);
        for (size_t i = 0; i < count; i++) {
            float m = above(maps[i * size + j]);
            out[i * size + j] = sum > 0 ? m * (m * m / sum) : 0;
        }
    }
}

void gcam_maps_share(const float *maps, size_t count, size_t size, float *out)
{
    for (size_t j = 0; j < size; j++) {
        float sum = 0;
        for (size_t i = 0; i < count; i++) {
            sum += above(maps[i * size + j]);
            out[i * size + j] = sum > 0 ? above(maps[i * size + j]) / sum : 0;
        }
    }
}

void gcam_maps_join_sides(const float *maps, size_t count, size_t size, float *out)
{
    for (size_t j = 0; j < size; j++) {
        float farthest = maps[j];
        for (size_t i = 1; i < count; i++)
            farthest = fabsf(maps[i * size + j]) > fabsf(farthest) ? maps[i * size + j] : farthest;
        out[j] = 0.5f + 0.5f * farthest;
    }
}

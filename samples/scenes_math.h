/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Arithmetic that drawing up a scene (scenes.c) and drawing it (scenes_draw.c) share.
 */
#ifndef GCAM_SCENES_MATH_H
#define GCAM_SCENES_MATH_H

#include <stdint.h>

#include "scenes.h"

#define PI 3.14159265f

// A hash that spreads each bit of its input over the whole result (Mueller's integer mixer).
static inline uint32_t gcam_mix_bits(uint32_t x)
{
    x = ((x >> 16) ^ x) * 0x45d9f3bu;
    x = ((x >> 16) ^ x) * 0x45d9f3bu;
    return (x >> 16) ^ x;
}

static inline float gcam_clamp(float x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static inline GcamColor gcam_blend_colors(GcamColor a, GcamColor b, float t)
{
    return (GcamColor){ a.r + t * (b.r - a.r), a.g + t * (b.g - a.g), a.b + t * (b.b - a.b) };
}

#endif

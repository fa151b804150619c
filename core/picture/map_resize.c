/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Maps as floats: scaling to 0..1 in place, and bilinear resizing from one buffer of the caller to another.
 */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "base/mem.h"
#include "gradcam_picture.h"
#include "upsample.h"

int gradcam_map_normalize(float *map, size_t count)
{
    float min = INFINITY, max = -INFINITY;

    for (size_t i = 0; i < count; i++) {
        if (!isfinite(map[i]))
            map[i] = 0.0f;
        min = fminf(min, map[i]);
        max = fmaxf(max, map[i]);
    }
    const int empty = !(max > min);
    const float unit = isfinite(max - min) ? 1.0f : 0.5f;       // halved, any two floats are a float apart
    const float range = max * unit - min * unit + 1e-7f;
    for (size_t i = 0; i < count; i++)
        map[i] = empty ? 0.0f : (map[i] * unit - min * unit) / range;
    return !empty;
}

// Cell left of (or above) the centre of sample i of `out_size`, and how far the centre lies towards the
// next one.
static int locate(int i, int size, int out_size, float *fraction)
{
    const double position = fmin(fmax((i + 0.5) * size / out_size - 0.5, 0.0), size - 1.0);
    const int cell = (int)position;

    *fraction = (float)(position - cell);
    return cell;
}

// Columns are located once for a block of them, rows inside.
void gcam_map_resize(const float *map, int width, int height, float *out, int out_width, int out_height)
{
    enum { BLOCK = 512 };
    int left[BLOCK];
    float fx[BLOCK];

    for (int start = 0; start < out_width; start += BLOCK) {
        const int count = out_width - start < BLOCK ? out_width - start : BLOCK;
        for (int x = 0; x < count; x++)
            left[x] = locate(start + x, width, out_width, &fx[x]);
        for (int y = 0; y < out_height; y++) {
            float fy;
            const int row = locate(y, height, out_height, &fy);
            const float *top = map + (size_t)row * width;
            const float *bottom = row + 1 < height ? top + width : top;
            float *line = out + (size_t)y * out_width + start;
            for (int x = 0; x < count; x++) {
                const int l = left[x], r = l + 1 < width ? l + 1 : l;
                const float above = top[l] + fx[x] * (top[r] - top[l]);
                const float below = bottom[l] + fx[x] * (bottom[r] - bottom[l]);
                line[x] = above + fy * (below - above);
            }
        }
    }
}

int gcam_map_check_room(int width, int height, size_t capacity, int out_width, int out_height)
{
    size_t needed = 0;
    if (width < 1 || height < 1 || out_width < 1 || out_height < 1)
        return -EINVAL;
    return gcam_mul((size_t)out_width, (size_t)out_height, &needed) || needed > capacity ? -ENOSPC : 0;
}

int gradcam_map_resize(const float *map, int width, int height, float *out, size_t capacity, int out_width,
                       int out_height)
{
    int error = gcam_map_check_room(width, height, capacity, out_width, out_height);
    if (!error)
        gcam_map_resize(map, width, height, out, out_width, out_height);
    return error;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Motion: moves maps along the ways that motion.c finds.
 *
 * In: a map of a key frame, and the way from a frame to it. Out: the map as that frame shows it, on a grid of the
 * frame.
 *
 * Vectors tell where pixels went, and a map need not go with them: where the camera follows an animal, what moves
 * in the picture is the ground, and the ground's vectors are most of those under a coarse map. So each new map is
 * compared with the one before it, moved all the way, half of it, and not at all, and maps are moved as far as
 * served best of late.
 */
#include "gradcam_motion.h"
#include "motion.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define FORGET 0.5f             // share of earlier misfits that counts with each new map
#define STEPS 8                 // of the iteration for a way forward

void gradcam_motion_size(const GradcamMotion *motion, int *width, int *height)
{
    *width = motion->columns;
    *height = motion->rows;
}

size_t gradcam_motion_way_count(const GradcamMotion *motion)
{
    return (size_t)gcam_motion_cells(motion);
}

int gradcam_motion_way(const GradcamMotion *motion, GradcamShift *way, size_t capacity)
{
    if (capacity < gradcam_motion_way_count(motion))
        return -ENOSPC;
    memcpy(way, motion->key.newest, gradcam_motion_way_count(motion) * sizeof(*way));
    return 0;
}

GradcamShift gcam_motion_sample(const GradcamMotion *motion, const GradcamShift *way, float x, float y)
{
    float u = fminf(fmaxf(x / motion->cell - 0.5f, 0), (float)(motion->across - 1));
    float v = fminf(fmaxf(y / motion->cell - 0.5f, 0), (float)(motion->down - 1));
    int i = (int)u, j = (int)v;
    int right = i + 1 < motion->across, below = j + 1 < motion->down ? motion->across : 0;
    const GradcamShift *at = way + j * motion->across + i;
    float p = u - (float)i, q = v - (float)j;
    float w[4] = { (1 - p) * (1 - q), p * (1 - q), (1 - p) * q, p * q };
    return (GradcamShift){
        w[0] * at[0].x + w[1] * at[right].x + w[2] * at[below].x + w[3] * at[below + right].x,
        w[0] * at[0].y + w[1] * at[right].y + w[2] * at[below].y + w[3] * at[below + right].y,
    };
}

// What is at x came from x + way(x) of the key frame before, and what is at y of the one after from y + next(y). Where
// both are the same place, y is where x is going. y is found by going half of what is missing at a time, which also
// settles where ways differ a lot from cell to cell.
int gradcam_motion_way_on(const GradcamMotion *motion, const GradcamShift *way, const GradcamShift *next,
                          GradcamShift *out, size_t capacity)
{
    if (capacity < gradcam_motion_way_count(motion))
        return -ENOSPC;
    for (int cell = 0; cell < gcam_motion_cells(motion); cell++) {
        float x = ((float)(cell % motion->across) + 0.5f) * motion->cell;
        float y = ((float)(cell / motion->across) + 0.5f) * motion->cell;
        GradcamShift on = { way[cell].x - next[cell].x, way[cell].y - next[cell].y };
        for (int i = 0; i < STEPS; i++) {
            GradcamShift back = gcam_motion_sample(motion, next, x + on.x, y + on.y);
            on.x += 0.5f * (way[cell].x - back.x - on.x);
            on.y += 0.5f * (way[cell].y - back.y - on.y);
        }
        out[cell] = on;
    }
    return 0;
}

// A map at a place of its region given in 0..1 of each side: bilinear, half-pixel centres.
static float sample_map(const float *map, int width, int height, float s, float t)
{
    float u = fminf(fmaxf(s * (float)width - 0.5f, 0), (float)(width - 1));
    float v = fminf(fmaxf(t * (float)height - 0.5f, 0), (float)(height - 1));
    int i = (int)u, j = (int)v;
    int right = i + 1 < width, below = j + 1 < height ? width : 0;
    const float *at = map + (size_t)j * (size_t)width + i;
    float p = u - (float)i, q = v - (float)j;
    return (1 - q) * ((1 - p) * at[0] + p * at[right]) + q * ((1 - p) * at[below] + p * at[below + right]);
}

// Moves a map by a share of a way; as gradcam_motion_apply().
static void move(const GradcamMotion *motion, const GradcamShift *way, float share, const float *map, int map_width,
                 int map_height, const GradcamRegion *region, float *out)
{
    const GradcamRegion whole = { 0, 0, motion->width, motion->height }, *r = region ? region : &whole;
    const float across = (float)motion->width / (float)motion->columns;
    const float down = (float)motion->height / (float)motion->rows;
    for (int j = 0; j < motion->rows; j++)
        for (int i = 0; i < motion->columns; i++) {
            float x = ((float)i + 0.5f) * across, y = ((float)j + 0.5f) * down;
            GradcamShift d = share > 0 ? gcam_motion_sample(motion, way, x, y) : (GradcamShift){ 0, 0 };
            float s = (float)((x + share * d.x - r->x) / r->width), t = (float)((y + share * d.y - r->y) / r->height);
            *out++ = s >= 0 && s <= 1 && t >= 0 && t <= 1 ? sample_map(map, map_width, map_height, s, t) : 0;
        }
}

int gradcam_motion_apply(const GradcamMotion *motion, const GradcamShift *way, const float *map, int map_width,
                         int map_height, const GradcamRegion *region, float *out, size_t capacity)
{
    if (map_width < 1 || map_height < 1)
        return -EINVAL;
    if (capacity < (size_t)motion->columns * (size_t)motion->rows)
        return -ENOSPC;
    move(motion, way ? way : motion->key.newest, motion->trust, map, map_width, map_height, region, out);
    return 0;
}

// motion->moved is free between two key frames.
int gradcam_motion_meet(const GradcamMotion *motion, const GradcamShift *way, const float *map,
                        const GradcamShift *next, const float *next_map, float share, int map_width, int map_height,
                        const GradcamRegion *region, float *out, size_t capacity)
{
    const size_t size = (size_t)motion->columns * (size_t)motion->rows;
    int error = gradcam_motion_apply(motion, way, map, map_width, map_height, region, out, capacity);
    if (!error)
        error = gradcam_motion_apply(motion, next, next_map, map_width, map_height, region, motion->moved, size);
    if (!error)
        gradcam_maps_between(out, motion->moved, share, size, out);
    return error;
}

void gcam_motion_warm(GradcamMotion *motion)
{
    if (motion->keyed)
        move(motion, motion->key.newest, 1, motion->hot, motion->columns, motion->rows, NULL, motion->heat);
    else
        memset(motion->heat, 0, (size_t)motion->columns * (size_t)motion->rows * sizeof(*motion->heat));
}

// Compares the new map, in motion->heat, with the one before.
static void judge(GradcamMotion *motion, const GradcamShift *way)
{
    int best = GCAM_MOTION_TRUSTS - 1, size = motion->columns * motion->rows;
    for (int k = best; k >= 0; k--) {
        const float share = (float)k / (GCAM_MOTION_TRUSTS - 1);
        float sum = 0;
        move(motion, way, share, motion->hot, motion->columns, motion->rows, NULL, motion->moved);
        for (int i = 0; i < size; i++)
            sum += (motion->moved[i] - motion->heat[i]) * (motion->moved[i] - motion->heat[i]);
        motion->misfit[k] = FORGET * motion->misfit[k] + sum;
        if (motion->misfit[k] < motion->misfit[best])
            best = k;
    }
    motion->trust = (float)best / (GCAM_MOTION_TRUSTS - 1);
}

void gcam_motion_take(GradcamMotion *motion, const GradcamShift *way, const float *map, int map_width, int map_height,
                      const GradcamRegion *region)
{
    int size = motion->columns * motion->rows;
    float most = 0;
    move(motion, way, 0, map, map_width, map_height, region, motion->heat);
    for (int i = 0; i < size; i++)
        most = fmaxf(most, motion->heat[i]);
    for (int i = 0; i < size; i++)
        motion->heat[i] = most > 0 ? fmaxf(motion->heat[i] / most, 0) : 0;
    if (motion->keyed)
        judge(motion, way);
    memcpy(motion->hot, motion->heat, (size_t)size * sizeof(*motion->hot));
    motion->keyed = 1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Motion: from the vectors that a decoder has anyway to the way of what a map lies on, since its key frame.
 *
 * Encoders choose vectors by cost, not by truth: on flat ground they point anywhere. And a map is coarse: its heat
 * spreads from an object over the ground beside it. So a frame's motion v is kept for a grid of a few cells only,
 * and is at each the weighted median of the vectors in and around it. Each vector counts once, however large its
 * block is, since encoders split blocks where there is detail, times the fourth power of the heat that was there
 * last: the halo goes with its object.
 *
 * A way holds at each cell how far off its content was in another frame. That of a frame that refers to an anchor
 * (the I or P frame before it) is
 *
 *     D(x) = v(x) + A(x + v(x)),       A the anchor's way.
 *
 * Decoders do not tell which frame the vectors of a B frame refer to: one before it may be the anchor or another B
 * frame, one after it may come next or later. That is taken which agrees best with the speed of late.
 */
#include "motion.h"
#include "gradcam_motion.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"

#define MOST_PIXELS 65536
#define MOST_BLOCK 256          // pixels of a block that a vector is for
#define MOST_PARTS 80           // of the grid of moved maps, along the longer side of a frame
#define FINEST 8                // pixels of the smallest of them
#define CELLS 14                // of ways, along the longer side
#define BINS 1024               // of vectors' lengths
#define BIN 0.25f               // pixels; longer vectors than 128 pixels count as such
#define MOST_AHEAD 4            // frames between a B frame and one that it refers to
#define COLD 1e-3f              // weight of a vector where no heat is

// How much weighs each length of vectors, from -BINS / 2 to BINS / 2 - 1 times BIN.
struct GcamMotionHistogram {
    float x[BINS], y[BINS];
};

// Of the grid of moved maps: along a side, where the longer one has MOST_PARTS.
static int choose_parts(int side, int longer)
{
    float size = fmaxf((float)longer / MOST_PARTS, FINEST);
    return (int)ceilf((float)side / size);
}

int gradcam_motion_create(GradcamMotion **out, int width, int height)
{
    *out = NULL;
    if (width < 1 || height < 1 || width > MOST_PIXELS || height > MOST_PIXELS)
        return -EINVAL;
    int longer = width > height ? width : height;
    GradcamMotion *motion = gcam_calloc(1, sizeof(*motion));
    if (!motion)
        return -ENOMEM;
    motion->width = width;
    motion->height = height;
    motion->columns = choose_parts(width, longer);
    motion->rows = choose_parts(height, longer);
    motion->cell = fmaxf((float)longer / CELLS, 2 * FINEST);
    motion->across = (int)ceilf((float)width / motion->cell);
    motion->down = (int)ceilf((float)height / motion->cell);
    size_t cells = (size_t)motion->across * (size_t)motion->down;
    size_t size = (size_t)motion->columns * (size_t)motion->rows;
    GradcamShift *way = gcam_calloc(8 * cells, sizeof(*way));
    motion->key.anchor = way;
    motion->hot = gcam_calloc(3 * size, sizeof(*motion->hot));
    motion->histogram = gcam_calloc(cells + 1, sizeof(*motion->histogram));
    if (!way || !motion->hot || !motion->histogram) {
        gradcam_motion_free(&motion);
        return -ENOMEM;
    }
    motion->key.newest = way + cells;
    motion->mark = (GcamMotionWay){ way + 2 * cells, way + 3 * cells };
    motion->key_to_mark = way + 4 * cells;
    motion->step = way + 5 * cells;
    motion->speed = way + 6 * cells;
    motion->vector = way + 7 * cells;
    motion->heat = motion->hot + size;
    motion->moved = motion->heat + size;
    motion->trust = 1;
    *out = motion;
    return 0;
}

void gradcam_motion_free(GradcamMotion **motion)
{
    if (!motion || !*motion)
        return;
    gcam_free((*motion)->key.anchor);
    gcam_free((*motion)->hot);
    gcam_free((*motion)->histogram);
    gcam_free(*motion);
    *motion = NULL;
}

static int is_usable(const GradcamMotionVector *v)
{
    return v->width > 0 && v->height > 0 && v->width <= MOST_BLOCK && v->height <= MOST_BLOCK &&
           v->x >= -MOST_BLOCK && v->y >= -MOST_BLOCK && v->x <= MOST_PIXELS && v->y <= MOST_PIXELS &&
           fabsf(v->dx) <= MOST_PIXELS && fabsf(v->dy) <= MOST_PIXELS;
}

static int bin_of(float length)
{
    float bin = roundf(length / BIN) + BINS / 2;
    return (int)fminf(fmaxf(bin, 0), BINS - 1);
}

// The index of the part of a side, from 0, that a place lies in; what is outside belongs to the outermost.
static int part(float at, float size, int parts)
{
    int index = at > 0 ? (int)(at / size) : 0;
    return index < parts ? index : parts - 1;
}

// Squared distance between a and b.
static float apart(GradcamShift a, GradcamShift b)
{
    return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y);
}

// What is to be expected of the way to the anchor.
static GradcamShift guess_step(const GradcamMotion *motion, int cell)
{
    float frames = (float)motion->since_anchor;
    return (GradcamShift){ frames * motion->speed[cell].x, frames * motion->speed[cell].y };
}

// The way to the anchor that a vector stands for.
static GradcamShift find_step(const GradcamMotion *motion, enum GradcamPictureType type, int cell,
                              const GradcamMotionVector *v)
{
    GradcamShift guess = guess_step(motion, cell), last = motion->step[cell];
    GradcamShift step = { v->dx, v->dy }, other = { last.x + v->dx, last.y + v->dy };
    if (!v->future)
        return type != GRADCAM_PICTURE_B || apart(step, guess) <= apart(other, guess) ? step : other;
    for (int frames = 1; frames <= MOST_AHEAD; frames++) {
        float back = -(float)motion->since_anchor / (float)frames;
        other = (GradcamShift){ back * v->dx, back * v->dy };
        if (frames == 1 || apart(other, guess) < apart(step, guess))
            step = other;
    }
    return step;
}

// Adds the vectors to the histograms of their cells. Returns how many there are.
static size_t count_vectors(GradcamMotion *motion, enum GradcamPictureType type, const GradcamMotionVector *vector,
                            size_t count)
{
    size_t used = 0;
    memset(motion->histogram, 0, (size_t)gcam_motion_cells(motion) * sizeof(*motion->histogram));
    for (size_t i = 0; i < count; i++) {
        const GradcamMotionVector *v = &vector[i];
        if (!is_usable(v) || (v->future && !motion->paced))
            continue;
        float x = (float)v->x + (float)v->width / 2, y = (float)v->y + (float)v->height / 2;
        int column = part(x, (float)motion->width / (float)motion->columns, motion->columns);
        int row = part(y, (float)motion->height / (float)motion->rows, motion->rows);
        float heat = motion->heat[row * motion->columns + column], weight = heat * heat * heat * heat + COLD;
        int cell = part(y, motion->cell, motion->down) * motion->across + part(x, motion->cell, motion->across);
        GradcamShift step = find_step(motion, type, cell, v);
        motion->histogram[cell].x[bin_of(step.x)] += weight;
        motion->histogram[cell].y[bin_of(step.y)] += weight;
        used++;
    }
    return used;
}

// The length with half of the weight on each side. Returns whether there is any weight.
static int find_median(const float *weight, float *out)
{
    float sum = 0, half = 0;
    int bin = 0;
    for (int i = 0; i < BINS; i++)
        half += weight[i] / 2;
    while (bin < BINS - 1 && (sum += weight[bin]) < half)
        bin++;
    *out = BIN * (float)(bin - BINS / 2);
    return half > 0;
}

// The median of the vectors of a cell and the eight around it. Returns whether there are any.
static int median_around(const GradcamMotion *motion, int cell, GradcamShift *out)
{
    GcamMotionHistogram *sum = &motion->histogram[gcam_motion_cells(motion)];
    int i = cell % motion->across, j = cell / motion->across;
    memset(sum, 0, sizeof(*sum));
    for (int n = j > 0 ? j - 1 : 0; n <= j + 1 && n < motion->down; n++)
        for (int m = i > 0 ? i - 1 : 0; m <= i + 1 && m < motion->across; m++) {
            const GcamMotionHistogram *h = &motion->histogram[n * motion->across + m];
            for (int k = 0; k < BINS; k++) {
                sum->x[k] += h->x[k];
                sum->y[k] += h->y[k];
            }
        }
    return find_median(sum->x, &out->x) && find_median(sum->y, &out->y);
}

static void follow(const GradcamMotion *motion, GcamMotionWay *way)
{
    for (int j = 0; j < motion->down; j++)
        for (int i = 0; i < motion->across; i++) {
            GradcamShift v = motion->vector[j * motion->across + i];
            GradcamShift a = gcam_motion_sample(motion, way->anchor, ((float)i + 0.5f) * motion->cell + v.x,
                                    ((float)j + 0.5f) * motion->cell + v.y);
            way->newest[j * motion->across + i] = (GradcamShift){ v.x + a.x, v.y + a.y };
        }
}

void gradcam_motion_frame(GradcamMotion *motion, enum GradcamPictureType type, const GradcamMotionVector *vector,
                          size_t count)
{
    size_t size = (size_t)gcam_motion_cells(motion) * sizeof(*motion->step);
    gcam_motion_warm(motion);
    motion->since_anchor++;
    size_t used = count_vectors(motion, type, vector, count);
    for (int cell = 0; cell < gcam_motion_cells(motion); cell++) {
        GradcamShift *step = &motion->vector[cell], *speed = &motion->speed[cell];
        int known = used && median_around(motion, cell, step);
        if (!known)
            *step = guess_step(motion, cell);
        if (type != GRADCAM_PICTURE_B) {
            float share = known ? 1 / (float)motion->since_anchor : 0.5f / (float)motion->since_anchor;
            *speed = (GradcamShift){ share * step->x, share * step->y };
        }
    }
    motion->paced |= used && type != GRADCAM_PICTURE_B;
    follow(motion, &motion->key);
    follow(motion, &motion->mark);
    memcpy(motion->step, motion->vector, size);
    if (type != GRADCAM_PICTURE_B) {
        memcpy(motion->key.anchor, motion->key.newest, size);
        memcpy(motion->mark.anchor, motion->mark.newest, size);
        memset(motion->step, 0, size);
        motion->since_anchor = 0;
    }
}

// From here on the way is counted from the newest frame.
static void restart(const GradcamMotion *motion, GcamMotionWay *way)
{
    for (int cell = 0; cell < gcam_motion_cells(motion); cell++) {
        way->newest[cell] = (GradcamShift){ 0, 0 };
        way->anchor[cell] = (GradcamShift){ -motion->step[cell].x, -motion->step[cell].y };
    }
}

void gradcam_motion_key(GradcamMotion *motion, const float *map, int map_width, int map_height,
                        const GradcamRegion *region)
{
    gcam_motion_take(motion, motion->key.newest, map, map_width, map_height, region);
    restart(motion, &motion->key);
}

void gradcam_motion_mark(GradcamMotion *motion)
{
    gradcam_motion_way(motion, motion->key_to_mark, gradcam_motion_way_count(motion));
    restart(motion, &motion->mark);
}

void gradcam_motion_key_marked(GradcamMotion *motion, const float *map, int map_width, int map_height,
                               const GradcamRegion *region)
{
    size_t size = (size_t)gcam_motion_cells(motion) * sizeof(*motion->step);
    gcam_motion_take(motion, motion->key_to_mark, map, map_width, map_height, region);
    memcpy(motion->key.anchor, motion->mark.anchor, size);
    memcpy(motion->key.newest, motion->mark.newest, size);
}

void gradcam_motion_reset(GradcamMotion *motion)
{
    size_t size = (size_t)gcam_motion_cells(motion) * sizeof(*motion->step);
    memset(motion->key.anchor, 0, 8 * size);            // all ways
    memset(motion->misfit, 0, sizeof(motion->misfit));
    motion->trust = 1;
    motion->since_anchor = 0;
    motion->paced = 0;
    motion->keyed = 0;
}

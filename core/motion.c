/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Motion: from the vectors that a decoder has anyway to the way of what a map lies on, since its key frame.
 *
 * Encoders choose vectors by cost, not by truth: on flat ground they point anywhere. And a map is coarse: its
 * heat spreads from an object over the ground beside it. So a frame's motion v is kept for a grid of a few
 * cells only, and is at each the weighted median of the vectors in and around it. Each vector counts once,
 * however large its block is, since encoders split blocks where there is detail, times the square of the heat
 * that was shown there last: the halo goes with its object.
 *
 * A field holds at each cell the displacement to where its content was in an origin frame. A frame that
 * refers to an anchor (the I or P frame before it) has the field
 *
 *     D(x) = v(x) + A(x + v(x)),       A the anchor's field.
 *
 * Decoders do not tell which frame the vectors of a B frame refer to: that may be the anchor or another B
 * frame. The one is taken that agrees better with the speed of late.
 */
#include "gradcam.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "mem.h"

#define BLOCK GRADCAM_MOTION_BLOCK
#define MOST_PIXELS 65536
#define MOST_BLOCK 256          // pixels of a block that a vector is for
#define CELLS 14                // along the longer side of a frame
#define BINS 1024               // of vectors' lengths
#define BIN 0.25f               // pixels; longer vectors than 128 pixels count as such
#define COLD 1e-3f              // weight of a vector where no heat is

typedef struct Displacement {
    float x, y;
} Displacement;

// How much weighs each length of vectors, from -BINS / 2 to BINS / 2 - 1 times BIN, in x and in y.
typedef struct Histogram {
    float x[BINS], y[BINS];
} Histogram;

// The way since a frame: of the anchor and of the newest frame.
typedef struct Way {
    Displacement *anchor, *newest;
} Way;

struct GradcamMotion {
    int width, height;          // in pixels
    int columns, rows;          // in blocks
    int across, down;           // in cells
    float cell;                 // side of a cell in pixels
    Way key, mark;              // since the key frame and the marked frame
    Displacement *step;         // from the newest frame to the anchor
    Displacement *speed;        // from a frame to the one before it, of late
    Displacement *vector;       // of the frame under way
    int since_anchor;           // frames
    float *heat;                // by block, 0..1: the newest moved map
    Histogram *histogram;       // by cell, and one for sums
};

int gradcam_motion_create(GradcamMotion **out, int width, int height)
{
    *out = NULL;
    if (width < 1 || height < 1 || width > MOST_PIXELS || height > MOST_PIXELS)
        return -EINVAL;
    GradcamMotion *motion = gcam_calloc(1, sizeof(*motion));
    if (!motion)
        return -ENOMEM;
    motion->width = width;
    motion->height = height;
    motion->columns = (width + BLOCK - 1) / BLOCK;
    motion->rows = (height + BLOCK - 1) / BLOCK;
    motion->cell = fmaxf((float)(width > height ? width : height) / CELLS, BLOCK);
    motion->across = (int)ceilf((float)width / motion->cell);
    motion->down = (int)ceilf((float)height / motion->cell);
    size_t cells = (size_t)motion->across * (size_t)motion->down;
    Displacement *field = gcam_calloc(7 * cells, sizeof(*field));
    motion->key.anchor = field;
    motion->heat = gcam_calloc((size_t)motion->columns * (size_t)motion->rows, sizeof(*motion->heat));
    motion->histogram = gcam_calloc(cells + 1, sizeof(*motion->histogram));
    if (!field || !motion->heat || !motion->histogram) {
        gradcam_motion_free(&motion);
        return -ENOMEM;
    }
    motion->key.newest = field + cells;
    motion->mark = (Way){ field + 2 * cells, field + 3 * cells };
    motion->step = field + 4 * cells;
    motion->speed = field + 5 * cells;
    motion->vector = field + 6 * cells;
    *out = motion;
    return 0;
}

void gradcam_motion_free(GradcamMotion **motion)
{
    if (!motion || !*motion)
        return;
    gcam_free((*motion)->key.anchor);
    gcam_free((*motion)->heat);
    gcam_free((*motion)->histogram);
    gcam_free(*motion);
    *motion = NULL;
}

static int cells_of(const GradcamMotion *motion)
{
    return motion->across * motion->down;
}

// A field at any place, in pixels: bilinear between the centres of cells.
static Displacement sample(const GradcamMotion *motion, const Displacement *field, float x, float y)
{
    float u = fminf(fmaxf(x / motion->cell - 0.5f, 0), (float)(motion->across - 1));
    float v = fminf(fmaxf(y / motion->cell - 0.5f, 0), (float)(motion->down - 1));
    int i = (int)u, j = (int)v;
    int right = i + 1 < motion->across, below = j + 1 < motion->down ? motion->across : 0;
    const Displacement *at = field + j * motion->across + i;
    float p = u - (float)i, q = v - (float)j;
    float w[4] = { (1 - p) * (1 - q), p * (1 - q), (1 - p) * q, p * q };
    return (Displacement){
        w[0] * at[0].x + w[1] * at[right].x + w[2] * at[below].x + w[3] * at[below + right].x,
        w[0] * at[0].y + w[1] * at[right].y + w[2] * at[below].y + w[3] * at[below + right].y,
    };
}

static int is_usable(const GradcamMotionVector *v)
{
    return !v->future && v->width > 0 && v->height > 0 && v->width <= MOST_BLOCK && v->height <= MOST_BLOCK &&
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

// Adds the vectors to the histograms of their cells. Returns how many there are.
static size_t count_vectors(GradcamMotion *motion, const GradcamMotionVector *vector, size_t count)
{
    size_t used = 0;
    memset(motion->histogram, 0, (size_t)cells_of(motion) * sizeof(*motion->histogram));
    for (size_t i = 0; i < count; i++) {
        const GradcamMotionVector *v = &vector[i];
        if (!is_usable(v))
            continue;
        float x = (float)v->x + (float)v->width / 2, y = (float)v->y + (float)v->height / 2;
        int column = part(x, BLOCK, motion->columns), row = part(y, BLOCK, motion->rows);
        float heat = motion->heat[(size_t)row * (size_t)motion->columns + (size_t)column];
        Histogram *h = &motion->histogram[part(y, motion->cell, motion->down) * motion->across +
                                          part(x, motion->cell, motion->across)];
        h->x[bin_of(v->dx)] += heat * heat + COLD;
        h->y[bin_of(v->dy)] += heat * heat + COLD;
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
static int median_around(const GradcamMotion *motion, int cell, Displacement *out)
{
    Histogram *sum = &motion->histogram[cells_of(motion)];
    int i = cell % motion->across, j = cell / motion->across;
    memset(sum, 0, sizeof(*sum));
    for (int n = j > 0 ? j - 1 : 0; n <= j + 1 && n < motion->down; n++)
        for (int m = i > 0 ? i - 1 : 0; m <= i + 1 && m < motion->across; m++) {
            const Histogram *h = &motion->histogram[n * motion->across + m];
            for (int k = 0; k < BINS; k++) {
                sum->x[k] += h->x[k];
                sum->y[k] += h->y[k];
            }
        }
    return find_median(sum->x, &out->x) && find_median(sum->y, &out->y);
}

// Squared distance between a and b.
static float apart(Displacement a, Displacement b)
{
    return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y);
}

// The displacement to the anchor at a cell, from the median of the vectors there, if any.
static Displacement find_step(const GradcamMotion *motion, enum GradcamPictureType type, int cell,
                              const Displacement *vector)
{
    float frames = (float)motion->since_anchor;
    Displacement speed = motion->speed[cell], guess = { frames * speed.x, frames * speed.y };
    if (!vector)
        return guess;
    Displacement last = motion->step[cell], other = { last.x + vector->x, last.y + vector->y };
    if (type != GRADCAM_PICTURE_B || apart(*vector, guess) <= apart(other, guess))
        return *vector;
    return other;
}

static void follow(const GradcamMotion *motion, Way *way)
{
    for (int j = 0; j < motion->down; j++)
        for (int i = 0; i < motion->across; i++) {
            Displacement v = motion->vector[j * motion->across + i];
            Displacement a = sample(motion, way->anchor, ((float)i + 0.5f) * motion->cell + v.x,
                                    ((float)j + 0.5f) * motion->cell + v.y);
            way->newest[j * motion->across + i] = (Displacement){ v.x + a.x, v.y + a.y };
        }
}

void gradcam_motion_frame(GradcamMotion *motion, enum GradcamPictureType type, const GradcamMotionVector *vector,
                          size_t count)
{
    size_t size = (size_t)cells_of(motion) * sizeof(*motion->step);
    size_t used = count_vectors(motion, vector, count);
    motion->since_anchor++;
    for (int cell = 0; cell < cells_of(motion); cell++) {
        Displacement v, *speed = &motion->speed[cell];
        int known = used && median_around(motion, cell, &v);
        motion->vector[cell] = find_step(motion, type, cell, known ? &v : NULL);
        if (type != GRADCAM_PICTURE_B) {
            float share = known ? 1 / (float)motion->since_anchor : 0.5f / (float)motion->since_anchor;
            *speed = (Displacement){ share * motion->vector[cell].x, share * motion->vector[cell].y };
        }
    }
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
static void restart(const GradcamMotion *motion, Way *way)
{
    for (int cell = 0; cell < cells_of(motion); cell++) {
        way->newest[cell] = (Displacement){ 0, 0 };
        way->anchor[cell] = (Displacement){ -motion->step[cell].x, -motion->step[cell].y };
    }
}

void gradcam_motion_key(GradcamMotion *motion)
{
    restart(motion, &motion->key);
}

void gradcam_motion_mark(GradcamMotion *motion)
{
    restart(motion, &motion->mark);
}

void gradcam_motion_key_marked(GradcamMotion *motion)
{
    size_t size = (size_t)cells_of(motion) * sizeof(*motion->step);
    memcpy(motion->key.anchor, motion->mark.anchor, size);
    memcpy(motion->key.newest, motion->mark.newest, size);
}

void gradcam_motion_size(const GradcamMotion *motion, int *width, int *height)
{
    *width = motion->columns;
    *height = motion->rows;
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

// A map of the key frame at a place of the newest frame that is displaced by d; 0 outside of the region.
static float displaced(const float *map, int map_width, int map_height, const GradcamRegion *r, float x, float y,
                       Displacement d)
{
    float s = (float)((x + d.x - r->x) / r->width), t = (float)((y + d.y - r->y) / r->height);
    return s >= 0 && s <= 1 && t >= 0 && t <= 1 ? sample_map(map, map_width, map_height, s, t) : 0;
}

void gradcam_motion_apply(GradcamMotion *motion, const float *map, int map_width, int map_height,
                          const GradcamRegion *region, float *out)
{
    const GradcamRegion whole = { 0, 0, motion->width, motion->height }, *r = region ? region : &whole;
    size_t blocks = (size_t)motion->columns * (size_t)motion->rows;
    float most = 0;
    for (size_t i = 0; i < blocks; i++) {
        float x = ((float)(i % (size_t)motion->columns) + 0.5f) * BLOCK;
        float y = ((float)(i / (size_t)motion->columns) + 0.5f) * BLOCK;
        out[i] = displaced(map, map_width, map_height, r, x, y, sample(motion, motion->key.newest, x, y));
        most = fmaxf(most, out[i]);
    }
    for (size_t i = 0; i < blocks; i++)
        motion->heat[i] = most > 0 ? fmaxf(out[i] / most, 0) : 0;
}

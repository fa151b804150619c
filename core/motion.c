/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Motion: from the vectors that a decoder has anyway to the way of every place since the key frame.
 *
 * A field holds, for each block of 16 x 16 pixels of a frame, the displacement to where its content was in an origin
 * frame. A frame that refers to an anchor (the I or P frame before it) by a vector v has the field
 *
 *     D(x) = v(x) + A(x + v(x)),       A the anchor's field,
 *
 * and the way from the key frame, whose own field is K, is D(x) - K(x + D(x) - K(x)): origin and key need not be the same,
 * so that a key frame may be a B frame, which nothing refers to.
 */
#include "gradcam.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "mem.h"

#define BLOCK GRADCAM_MOTION_BLOCK
#define MOST_PIXELS 65536
#define MOST_BLOCK 256          // pixels of a block that a vector is for
#define FILL_PASSES 4           // of spreading vectors to blocks that have none

typedef struct Displacement {
    float x, y;
} Displacement;

struct GradcamMotion {
    int width, height;          // in pixels
    int columns, rows;          // in blocks
    Displacement *field;        // of the newest frame
    Displacement *anchor, *key; // of the newest I or P frame, and of the key frame
    Displacement *mark;         // of the frame that was marked
    Displacement *vector;       // of the frame under way, and how much of each block it is known for
    float *weight;
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
    size_t blocks = (size_t)motion->columns * (size_t)motion->rows;
    motion->field = gcam_calloc(5 * blocks, sizeof(*motion->field));
    motion->weight = gcam_calloc(2 * blocks, sizeof(*motion->weight));
    if (!motion->field || !motion->weight) {
        gradcam_motion_free(&motion);
        return -ENOMEM;
    }
    motion->anchor = motion->field + blocks;
    motion->key = motion->anchor + blocks;
    motion->mark = motion->key + blocks;
    motion->vector = motion->mark + blocks;
    *out = motion;
    return 0;
}

void gradcam_motion_free(GradcamMotion **motion)
{
    if (!motion || !*motion)
        return;
    gcam_free((*motion)->field);
    gcam_free((*motion)->weight);
    gcam_free(*motion);
    *motion = NULL;
}

static size_t blocks_of(const GradcamMotion *motion)
{
    return (size_t)motion->columns * (size_t)motion->rows;
}

// A field at any place, in pixels: bilinear between the centres of blocks.
static Displacement sample(const GradcamMotion *motion, const Displacement *field, float x, float y)
{
    float u = fminf(fmaxf(x / BLOCK - 0.5f, 0), (float)(motion->columns - 1));
    float v = fminf(fmaxf(y / BLOCK - 0.5f, 0), (float)(motion->rows - 1));
    int i = (int)u, j = (int)v;
    int right = i + 1 < motion->columns, below = j + 1 < motion->rows ? motion->columns : 0;
    const Displacement *at = field + (size_t)j * (size_t)motion->columns + i;
    float p = u - (float)i, q = v - (float)j;
    float w[4] = { (1 - p) * (1 - q), p * (1 - q), (1 - p) * q, p * q };
    return (Displacement){
        w[0] * at[0].x + w[1] * at[right].x + w[2] * at[below].x + w[3] * at[below + right].x,
        w[0] * at[0].y + w[1] * at[right].y + w[2] * at[below].y + w[3] * at[below + right].y,
    };
}

// How many pixels two stretches share.
static int overlap(int a, int a_size, int b, int b_size)
{
    int low = a > b ? a : b, high = a + a_size < b + b_size ? a + a_size : b + b_size;
    return high > low ? high - low : 0;
}

static int is_usable(const GradcamMotionVector *v)
{
    return !v->future && v->width > 0 && v->height > 0 && v->width <= MOST_BLOCK && v->height <= MOST_BLOCK &&
           v->x >= -MOST_BLOCK && v->y >= -MOST_BLOCK && v->x <= MOST_PIXELS && v->y <= MOST_PIXELS &&
           fabsf(v->dx) <= MOST_PIXELS && fabsf(v->dy) <= MOST_PIXELS;
}

// Adds a vector to the blocks that it covers, by area.
static void add_vector(GradcamMotion *motion, const GradcamMotionVector *v)
{
    int first_x = v->x / BLOCK, first_y = v->y / BLOCK;
    for (int j = first_y < 0 ? 0 : first_y; j < motion->rows && j * BLOCK < v->y + v->height; j++)
        for (int i = first_x < 0 ? 0 : first_x; i < motion->columns && i * BLOCK < v->x + v->width; i++) {
            size_t at = (size_t)j * (size_t)motion->columns + (size_t)i;
            float area = (float)(overlap(i * BLOCK, BLOCK, v->x, v->width) * overlap(j * BLOCK, BLOCK, v->y, v->height));
            motion->vector[at].x += area * v->dx;
            motion->vector[at].y += area * v->dy;
            motion->weight[at] += area;
        }
}

// Blocks without a vector (new content, or references to the future only) move with their neighbours.
static void fill_holes(GradcamMotion *motion)
{
    size_t blocks = blocks_of(motion);
    float *known = motion->weight, *next = motion->weight + blocks;
    for (int pass = 0; pass < FILL_PASSES; pass++) {
        memcpy(next, known, blocks * sizeof(*next));
        for (int j = 0; j < motion->rows; j++)
            for (int i = 0; i < motion->columns; i++) {
                size_t at = (size_t)j * (size_t)motion->columns + (size_t)i;
                Displacement sum = { 0, 0 };
                int count = 0;
                for (int k = 0; known[at] == 0 && k < 4; k++) {
                    int x = i + (k == 0) - (k == 1), y = j + (k == 2) - (k == 3);
                    size_t near = (size_t)y * (size_t)motion->columns + (size_t)x;
                    if (x < 0 || y < 0 || x >= motion->columns || y >= motion->rows || known[near] == 0)
                        continue;
                    sum.x += motion->vector[near].x;
                    sum.y += motion->vector[near].y;
                    count++;
                }
                if (count) {
                    motion->vector[at] = (Displacement){ sum.x / (float)count, sum.y / (float)count };
                    next[at] = 1;
                }
            }
        memcpy(known, next, blocks * sizeof(*known));
    }
}

static float centre(int block)
{
    return (float)block * BLOCK + BLOCK / 2.0f;
}

void gradcam_motion_frame(GradcamMotion *motion, enum GradcamPictureType type, const GradcamMotionVector *vector,
                          size_t count)
{
    size_t blocks = blocks_of(motion), used = 0;
    memset(motion->vector, 0, blocks * sizeof(*motion->vector));
    memset(motion->weight, 0, 2 * blocks * sizeof(*motion->weight));
    for (size_t i = 0; i < count; i++)
        if (is_usable(&vector[i])) {
            add_vector(motion, &vector[i]);
            used++;
        }
    if (used) {
        for (size_t i = 0; i < blocks; i++)
            if (motion->weight[i] > 0) {
                motion->vector[i].x /= motion->weight[i];
                motion->vector[i].y /= motion->weight[i];
            }
        fill_holes(motion);
        for (int j = 0; j < motion->rows; j++)
            for (int i = 0; i < motion->columns; i++) {
                size_t at = (size_t)j * (size_t)motion->columns + (size_t)i;
                Displacement v = motion->vector[at];
                Displacement a = sample(motion, motion->anchor, centre(i) + v.x, centre(j) + v.y);
                motion->field[at] = (Displacement){ v.x + a.x, v.y + a.y };
            }
    }
    if (type != GRADCAM_PICTURE_B)
        memcpy(motion->anchor, motion->field, blocks * sizeof(*motion->anchor));
}

void gradcam_motion_key(GradcamMotion *motion)
{
    size_t size = blocks_of(motion) * sizeof(*motion->field);
    // When the newest frame is the anchor itself, it becomes the origin too.
    if (!memcmp(motion->field, motion->anchor, size)) {
        memset(motion->field, 0, size);
        memset(motion->anchor, 0, size);
    }
    memcpy(motion->key, motion->field, size);
}

void gradcam_motion_mark(GradcamMotion *motion)
{
    memcpy(motion->mark, motion->field, blocks_of(motion) * sizeof(*motion->field));
}

void gradcam_motion_key_marked(GradcamMotion *motion)
{
    memcpy(motion->key, motion->mark, blocks_of(motion) * sizeof(*motion->field));
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

void gradcam_motion_apply(const GradcamMotion *motion, const float *map, int map_width, int map_height,
                          const GradcamRegion *region, float *out)
{
    GradcamRegion whole = { 0, 0, motion->width, motion->height };
    const GradcamRegion *r = region ? region : &whole;
    for (int j = 0; j < motion->rows; j++)
        for (int i = 0; i < motion->columns; i++) {
            size_t at = (size_t)j * (size_t)motion->columns + (size_t)i;
            float x = centre(i), y = centre(j);
            Displacement d = motion->field[at], k = motion->key[at];
            k = sample(motion, motion->key, x + d.x - k.x, y + d.y - k.y);
            float s = (float)((x + d.x - k.x - r->x) / r->width), t = (float)((y + d.y - k.y - r->y) / r->height);
            int inside = s >= 0 && s <= 1 && t >= 0 && t <= 1;
            out[at] = inside || !region ? sample_map(map, map_width, map_height, s, t) : 0;
        }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a map. Out: the same on a finer grid, drawn by curves. Bilinear enlarging has an edge wherever a cell has its
 * middle: around a hot cell such edges make a diamond, and its corners a star. Cubics have none.
 *
 * A spline passes below its peaks: all is multiplied by what brings the highest one back. A bicubic passes beyond both
 * ends: what is beyond is cut off.
 *
 * Both are separable: four taps along rows, of rows of which four are kept, then four taps across them.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/enum_names.h"
#include "gradcam_picture.h"
#include "upsample.h"

#define TAPS GCAM_UPSAMPLE_TAPS
#define BLOCK 256               // columns at a time

static const char *const names[GCAM_UPSAMPLES] = { "bilinear", "bicubic", "spline" };

const char *gradcam_upsample_name(enum GradcamUpsample upsample)
{
    return (unsigned)upsample < GCAM_UPSAMPLES ? names[upsample] : NULL;
}

int gradcam_upsample_find(const char *name)
{
    return gcam_enum_find(names, GCAM_UPSAMPLES, name);
}

// Coefficients of t^k (rows) from the four values. The bicubic is that of Keys (IEEE Trans. ASSP 29, 1981, a = -1/2).
static const double basis[GCAM_UPSAMPLES][TAPS][TAPS] = {
    [GRADCAM_UPSAMPLE_BILINEAR] = { { 0, 1, 0, 0 }, { 0, -1, 1, 0 } },
    [GRADCAM_UPSAMPLE_BICUBIC] = {
        { 0, 1, 0, 0 }, { -0.5, 0, 0.5, 0 }, { 1, -2.5, 2, -0.5 }, { -0.5, 1.5, -1.5, 0.5 },
    },
    [GRADCAM_UPSAMPLE_SPLINE] = {
        { 1. / 6, 4. / 6, 1. / 6, 0 }, { -0.5, 0, 0.5, 0 }, { 0.5, -1, 0.5, 0 }, { -1. / 6, 0.5, -0.5, 1. / 6 },
    },
};

void gcam_upsample_fit(double polynomial[TAPS], const double value[TAPS], enum GradcamUpsample upsample)
{
    for (int k = 0; k < TAPS; k++)
        polynomial[k] = basis[upsample][k][0] * value[0] + basis[upsample][k][1] * value[1] +
                        basis[upsample][k][2] * value[2] + basis[upsample][k][3] * value[3];
}

void gcam_upsample_weigh(double weight[TAPS], double t, enum GradcamUpsample upsample)
{
    for (int j = 0; j < TAPS; j++)
        weight[j] = basis[upsample][0][j] +
                    t * (basis[upsample][1][j] + t * (basis[upsample][2][j] + t * basis[upsample][3][j]));
}

// What a sample is made of: cells first .. first + 3, which may lie beyond the map: then its edge counts.
typedef struct Taps {
    int first;
    float weight[TAPS];
} Taps;

static Taps locate(int i, int size, int out_size, enum GradcamUpsample upsample)
{
    double position = (i + 0.5) * size / out_size - 0.5, cell = floor(position);
    Taps taps = { .first = (int)cell - 1 };
    double weight[TAPS];
    gcam_upsample_weigh(weight, position - cell, upsample);
    for (int k = 0; k < TAPS; k++)
        taps.weight[k] = (float)weight[k];
    return taps;
}

static void enlarge_row(const float *row, int width, const Taps *taps, int count, float *out)
{
    for (int x = 0; x < count; x++) {
        const Taps *t = &taps[x];
        float sum = 0;
        for (int k = 0; k < TAPS; k++)
            sum += t->weight[k] * row[gcam_upsample_clamp(t->first + k, width)];
        out[x] = sum;
    }
}

// Columns start .. start + count - 1 of the enlarged map.
static void enlarge_block(const float *map, int width, int height, float *out, int out_width, int out_height,
                          int start, int count, enum GradcamUpsample upsample)
{
    float kept[TAPS][BLOCK];            // row r of the map is at r modulo TAPS
    Taps across[BLOCK];
    int next = 0;                       // row that is not there yet
    for (int x = 0; x < count; x++)
        across[x] = locate(start + x, width, out_width, upsample);
    for (int y = 0; y < out_height; y++) {
        const Taps down = locate(y, height, out_height, upsample);
        for (int last = gcam_upsample_clamp(down.first + TAPS - 1, height); next <= last; next++)
            if (next >= down.first)
                enlarge_row(map + (size_t)next * width, width, across, count, kept[next % TAPS]);
        const float *row[TAPS], *w = down.weight;
        for (int k = 0; k < TAPS; k++)
            row[k] = kept[gcam_upsample_clamp(down.first + k, height) % TAPS];
        float *line = out + (size_t)y * out_width + start;
        for (int x = 0; x < count; x++)
            line[x] = w[0] * row[0][x] + w[1] * row[1][x] + w[2] * row[2][x] + w[3] * row[3][x];
    }
}

static double value_at(const float *map, size_t cell, int two_sided)
{
    const double m = isnan(map[cell]) ? 0 : map[cell];
    return two_sided ? fabs(2 * m - 1) : m;
}

static double spline_at(const float *map, int width, int height, double x, double y, int two_sided)
{
    const int column = (int)floor(x), row = (int)floor(y);
    double across[TAPS], down[TAPS], sum = 0;
    gcam_upsample_weigh(across, x - column, GRADCAM_UPSAMPLE_SPLINE);
    gcam_upsample_weigh(down, y - row, GRADCAM_UPSAMPLE_SPLINE);
    for (int j = 0; j < TAPS; j++) {
        const size_t at = (size_t)gcam_upsample_clamp(row - 1 + j, height) * width;
        for (int i = 0; i < TAPS; i++)
            sum += down[j] * across[i] * value_at(map, at + gcam_upsample_clamp(column - 1 + i, width), two_sided);
    }
    return sum;
}

double gcam_upsample_factor(const float *map, int width, int height, int two_sided)
{
    double highest = 0, reached = 0;
    for (int i = 0; i < width * height; i++)
        highest = fmax(highest, value_at(map, i, two_sided));
    for (int i = 0; i < width * height; i++)
        for (int half = 0; half < 4 && value_at(map, i, two_sided) > 0.5 * highest; half++) {
            const double x = i % width + half % 2 * 0.5, y = i / width + half / 2 * 0.5;
            reached = fmax(reached, spline_at(map, width, height, x, y, two_sided));
        }
    const double factor = highest / reached;
    return reached > 0 && isfinite(factor) ? fmax(factor, 1) : 1;
}

static void find_range(const float *map, size_t count, float *low, float *high)
{
    *low = *high = map[0];
    for (size_t i = 1; i < count; i++) {
        *low = map[i] < *low ? map[i] : *low;
        *high = map[i] > *high ? map[i] : *high;
    }
}

static void restore_range(float *out, size_t count, float factor, float low, float high)
{
    for (size_t i = 0; i < count; i++) {
        const float m = factor * out[i];
        out[i] = m < low ? low : m > high ? high : m;
    }
}

int gradcam_map_upsample(const float *map, int width, int height, float *out, size_t capacity, int out_width,
                         int out_height, enum GradcamUpsample upsample)
{
    if ((unsigned)upsample >= GCAM_UPSAMPLES)
        return -EINVAL;
    if (upsample == GRADCAM_UPSAMPLE_BILINEAR)
        return gradcam_map_resize(map, width, height, out, capacity, out_width, out_height);
    int error = gcam_map_check_room(width, height, capacity, out_width, out_height);
    if (error)
        return error;
    float low, high, factor = 1;
    find_range(map, (size_t)width * height, &low, &high);
    if (upsample == GRADCAM_UPSAMPLE_SPLINE)
        factor = (float)gcam_upsample_factor(map, width, height, 0);
    for (int start = 0; start < out_width; start += BLOCK)
        enlarge_block(map, width, height, out, out_width, out_height, start,
                      out_width - start < BLOCK ? out_width - start : BLOCK, upsample);
    restore_range(out, (size_t)out_width * out_height, factor, low, high);
    return 0;
}

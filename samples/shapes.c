/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Outlines as signed distances. Each shape is put together from circles, boxes and polygons by union (min)
 * and cutting (max with the negated distance); what results is exact outside of convex corners and close
 * enough for antialiasing and shading everywhere. The functions run once per table cell, in double, and
 * rendering interpolates.
 */
#include "shapes.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CELLS 256               // of the table, in each direction
#define EXTENT 1.25             // the table covers -EXTENT..EXTENT
#define PI 3.14159265358979323846

struct GcamShapes {
    float distance[GCAM_SHAPE_COUNT][CELLS][CELLS];
};

typedef struct Point {
    double x, y;
} Point;

static double circle(Point p, double cx, double cy, double radius)
{
    return hypot(p.x - cx, p.y - cy) - radius;
}

static double box(Point p, double cx, double cy, double half_width, double half_height)
{
    double dx = fabs(p.x - cx) - half_width, dy = fabs(p.y - cy) - half_height;

    return hypot(fmax(dx, 0), fmax(dy, 0)) + fmin(fmax(dx, dy), 0);
}

static double cut(double distance, double hole)
{
    return fmax(distance, -hole);
}

// Distance to the nearest edge, negative when a ray to the right crosses the outline an odd number of times.
static double polygon(Point p, const Point *v, int count)
{
    double nearest = 1e9;       // squared
    int inside = 0;

    for (int i = 0, j = count - 1; i < count; j = i++) {
        double ex = v[j].x - v[i].x, ey = v[j].y - v[i].y;
        double wx = p.x - v[i].x, wy = p.y - v[i].y;
        double along = (wx * ex + wy * ey) / (ex * ex + ey * ey);

        along = along < 0 ? 0 : along > 1 ? 1 : along;
        wx -= along * ex;
        wy -= along * ey;
        nearest = wx * wx + wy * wy < nearest ? wx * wx + wy * wy : nearest;
        if ((v[i].y > p.y) != (v[j].y > p.y) && p.x < v[i].x + ex * (p.y - v[i].y) / ey)
            inside = !inside;
    }
    return inside ? -sqrt(nearest) : sqrt(nearest);
}

static double star(Point p)
{
    Point v[10];

    for (int i = 0; i < 10; i++) {
        double radius = i % 2 ? 0.52 : 1, angle = i * PI / 5;
        v[i] = (Point){ radius * sin(angle), -radius * cos(angle) };
    }
    return polygon(p, v, 10);
}

static double heart(Point p)
{
    Point v[100];

    for (int i = 0; i < 100; i++) {
        double t = i * PI / 50, c = cos(t), s = sin(t), c2 = 2 * c * c - 1;
        v[i].x = s * s * s * 0.9;
        v[i].y = -(13 * c - 5 * c2 - 2 * c * (2 * c2 - 1) - (2 * c2 * c2 - 1)) / 17.8 - 0.08;
    }
    return polygon(p, v, 100);
}

static double moon(Point p)
{
    return cut(circle(p, -0.02, 0, 0.96), circle(p, 0.64, -0.04, 0.54));
}

static double flower(Point p)
{
    double nearest = circle(p, 0, 0, 0.4);

    for (int i = 0; i < 6; i++)
        nearest = fmin(nearest, circle(p, 0.62 * sin(i * PI / 3), 0.62 * cos(i * PI / 3), 0.33));
    return cut(nearest, circle(p, 0, 0, 0.2));
}

static double fish(Point p)
{
    static const Point tail[] = { { 0.3, 0 }, { 0.87, -0.46 }, { 0.74, 0 }, { 0.87, 0.46 } };
    double body = fmax(circle(p, -0.2, 0.5, 0.93), circle(p, -0.2, -0.5, 0.93));

    return cut(fmin(body, polygon(p, tail, 4)), circle(p, -0.6, -0.09, 0.08));
}

static double key(Point p)
{
    double bow = cut(circle(p, -0.54, 0, 0.44), circle(p, -0.54, 0, 0.15));
    double shaft = box(p, 0.36, 0, 0.54, 0.15);
    double bits = fmin(box(p, 0.77, 0.2, 0.13, 0.22), box(p, 0.38, 0.17, 0.13, 0.2));

    return fmin(bow, fmin(shaft, bits));
}

static double arrow(Point p)
{
    static const Point v[] = { { 0.98, 0 }, { 0.2, -0.66 }, { 0.2, -0.25 }, { -0.92, -0.25 },
                               { -0.92, 0.25 }, { 0.2, 0.25 }, { 0.2, 0.66 } };
    return polygon(p, v, 7);
}

static double bolt(Point p)
{
    static const Point v[] = { { 0.42, -0.9 }, { -0.7, 0.2 }, { -0.16, 0.2 }, { -0.42, 0.9 },
                               { 0.7, -0.3 }, { 0.2, -0.3 } };
    return polygon(p, v, 6);
}

static double cross(Point p)
{
    return fmin(box(p, 0, 0, 0.92, 0.27), box(p, 0, 0, 0.27, 0.92));
}

static double ring(Point p)
{
    return fabs(hypot(p.x, p.y) - 0.58) - 0.35;
}

static const struct {
    const char *name;
    double (*distance)(Point p);
} shapes_table[GCAM_SHAPE_COUNT] = {
    { "star", star }, { "heart", heart }, { "moon", moon }, { "flower", flower }, { "fish", fish },
    { "key", key }, { "arrow", arrow }, { "bolt", bolt }, { "cross", cross }, { "ring", ring },
};

int gcam_shapes_create(GcamShapes **out)
{
    GcamShapes *shapes = *out = malloc(sizeof(*shapes));

    if (!shapes)
        return -ENOMEM;
    for (int shape = 0; shape < GCAM_SHAPE_COUNT; shape++)
        for (int y = 0; y < CELLS; y++)
            for (int x = 0; x < CELLS; x++) {
                Point p = { (2.0 * x / (CELLS - 1) - 1) * EXTENT, (2.0 * y / (CELLS - 1) - 1) * EXTENT };
                shapes->distance[shape][y][x] = (float)shapes_table[shape].distance(p);
            }
    return 0;
}

void gcam_shapes_free(GcamShapes **shapes)
{
    if (!shapes)
        return;
    free(*shapes);
    *shapes = NULL;
}

const char *gcam_shape_name(int shape)
{
    return shape >= 0 && shape < GCAM_SHAPE_COUNT ? shapes_table[shape].name : NULL;
}

int gcam_shape_find(const char *name)
{
    for (int shape = 0; shape < GCAM_SHAPE_COUNT; shape++)
        if (!strcmp(shapes_table[shape].name, name))
            return shape;
    return -EINVAL;
}

float gcam_shape_distance(const GcamShapes *shapes, int shape, float x, float y)
{
    const float extent = (float)EXTENT, scale = (CELLS - 1) / (2 * extent);
    float cx = fminf(fmaxf(x, -extent), extent), cy = fminf(fmaxf(y, -extent), extent);
    float u = (cx + extent) * scale, v = (cy + extent) * scale;
    int i = u < CELLS - 2 ? (int)u : CELLS - 2, j = v < CELLS - 2 ? (int)v : CELLS - 2;
    const float *upper = &shapes->distance[shape][j][i], *lower = upper + CELLS;
    float top, bottom;

    u -= (float)i;
    v -= (float)j;
    top = upper[0] + u * (upper[1] - upper[0]);
    bottom = lower[0] + u * (lower[1] - lower[0]);
    return top + v * (bottom - top) + fmaxf(fabsf(x - cx), fabsf(y - cy));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From a scene's description to pixels. A picture is painted back to front: ground, clutter, then for each
 * object its shadow and itself. Edges are antialiased from signed distances, the rounded look of the objects
 * comes from their distance's gradient.
 */
#include "scenes.h"

#include <math.h>

#include "scenes_math.h"

// 0 below low, 1 above high, smooth between.
static float ramp(float low, float high, float x)
{
    float t = gcam_clamp((x - low) / (high - low));

    return t * t * (3 - 2 * t);
}

// Largest whole number not above x, |x| < 2^31.
static float whole(float x)
{
    float cut = (float)(int)x;

    return cut > x ? cut - 1 : cut;
}

// Random values on a grid, smoothly interpolated: 0..1.
static float value_noise(uint32_t seed, float x, float y)
{
    float fx = whole(x), fy = whole(y);
    uint32_t i = (uint32_t)(int32_t)fx, j = (uint32_t)(int32_t)fy;
    uint32_t row = seed + j * 0x9e3779b9u, next = row + 0x9e3779b9u;
    float u = x - fx, v = y - fy, a, b, c, d;

    a = (float)(gcam_mix_bits(row ^ i * 0x85ebca6bu) >> 8);
    b = (float)(gcam_mix_bits(row ^ (i + 1) * 0x85ebca6bu) >> 8);
    c = (float)(gcam_mix_bits(next ^ i * 0x85ebca6bu) >> 8);
    d = (float)(gcam_mix_bits(next ^ (i + 1) * 0x85ebca6bu) >> 8);
    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    a += u * (b - a);
    c += u * (d - c);
    return (a + v * (c - a)) / 16777216.0f;
}

// Three octaves of it, about 0..1 around 0.5.
static float clouds(uint32_t seed, float x, float y)
{
    return 0.55f * value_noise(seed, x, y) + 0.3f * value_noise(seed + 1, 2.1f * x, 2.1f * y)
           + 0.15f * value_noise(seed + 2, 4.3f * x, 4.3f * y);
}

// -------------------------------------------------------------------------------------------------- surfaces

static GcamColor scaled(GcamColor c, float factor)
{
    return (GcamColor){ c.r * factor, c.g * factor, c.b * factor };
}

// A surface with its direction worked out: c, s are cosine and sine of the angle over the period.
typedef struct Brush {
    const GcamSurface *surface;
    float x, y, c, s;
} Brush;

static Brush brush_at(const GcamSurface *surface, float x, float y, float angle)
{
    return (Brush){ surface, x, y, cosf(angle) / surface->period, sinf(angle) / surface->period };
}

static GcamColor brush_color(const Brush *brush, float x, float y)
{
    const GcamSurface *surface = brush->surface;
    float dx = x - brush->x, dy = y - brush->y;
    float u = brush->c * dx + brush->s * dy, v = brush->c * dy - brush->s * dx, t = 0, noise;

    switch (surface->texture) {
    case GCAM_TEXTURE_GRADIENT:
        t = ramp(-1, 1, 0.5f * u);
        break;
    case GCAM_TEXTURE_STRIPES:
        t = ramp(-0.3f, 0.3f, sinf(2 * PI * u));
        break;
    case GCAM_TEXTURE_DOTS:
        t = ramp(0.36f, 0.28f, hypotf(u - whole(u) - 0.5f, v - whole(v) - 0.5f));
        break;
    case GCAM_TEXTURE_CHECKS:
        t = ramp(-0.1f, 0.1f, sinf(PI * u) * sinf(PI * v));
        break;
    case GCAM_TEXTURE_CLOUDS:
        t = ramp(0.25f, 0.75f, clouds(surface->seed + 7, u, v));
        break;
    default:
        break;
    }
    noise = surface->rough > 0 ? clouds(surface->seed, 9 * dx, 9 * dy) - 0.5f : 0;
    return scaled(gcam_blend_colors(surface->color[0], surface->color[1], t),
                  1 + 1.5f * surface->rough * noise);
}

// --------------------------------------------------------------------------------------------------- drawing

typedef struct Canvas {
    const GcamScene *scene;
    const GcamShapes *shapes;
    uint8_t *rgb;
    ptrdiff_t stride;
    int width, height;
    float pixel_x, pixel_y;     // size of a pixel in the scene's units
} Canvas;

typedef struct Box {
    int x0, y0, x1, y1;         // x1, y1 are past the end
} Box;

static int limited(float x, int max)
{
    return x < 0 ? 0 : x > (float)max ? max : (int)x;
}

static Box box_around(const Canvas *canvas, float x, float y, float radius)
{
    return (Box){ limited((x - radius) / canvas->pixel_x - 1, canvas->width),
                  limited((y - radius) / canvas->pixel_y - 1, canvas->height),
                  limited((x + radius) / canvas->pixel_x + 2, canvas->width),
                  limited((y + radius) / canvas->pixel_y + 2, canvas->height) };
}

static uint8_t to_byte(float x)
{
    return (uint8_t)(255 * gcam_clamp(x) + 0.5f);
}

static void paint(const Canvas *canvas, int x, int y, GcamColor color, float opacity)
{
    uint8_t *p = canvas->rgb + y * canvas->stride + 3 * x;
    GcamColor below = { (float)p[0] / 255, (float)p[1] / 255, (float)p[2] / 255 };

    color = gcam_blend_colors(below, color, opacity);
    p[0] = to_byte(color.r);
    p[1] = to_byte(color.g);
    p[2] = to_byte(color.b);
}

static void draw_ground(const Canvas *canvas)
{
    const GcamScene *scene = canvas->scene;
    Brush brush = brush_at(&scene->ground, scene->ground.x, scene->ground.y, scene->ground.angle);

    for (int y = 0; y < canvas->height; y++)
        for (int x = 0; x < canvas->width; x++) {
            float px = ((float)x + 0.5f) * canvas->pixel_x, py = ((float)y + 0.5f) * canvas->pixel_y;
            float gx = (px - scene->glow_x) / scene->glow_size, gy = (py - scene->glow_y) / scene->glow_size;
            float vx = px / scene->aspect - 0.5f, vy = py - 0.5f;
            GcamColor color = brush_color(&brush, px, py);

            color = gcam_blend_colors(color, scene->glow, 0.4f * ramp(1, 0, hypotf(gx, gy)));
            paint(canvas, x, y, scaled(color, 1 - 1.4f * scene->vignette * (vx * vx + vy * vy)), 1);
        }
}

static float mark_distance(const GcamSceneMark *mark, float x, float y)
{
    float c = cosf(mark->angle), s = sinf(mark->angle);
    float u = fabsf(c * (x - mark->x) + s * (y - mark->y)), v = fabsf(c * (y - mark->y) - s * (x - mark->x));

    if (mark->kind == 1)
        return (hypotf(u / mark->width, v / mark->height) - 1) * mark->height;
    return fmaxf(u - mark->width, v - mark->height);
}

static void draw_mark(const Canvas *canvas, const GcamSceneMark *mark)
{
    float soft = mark->soft + 0.5f * (canvas->pixel_x + canvas->pixel_y);
    Box box = box_around(canvas, mark->x, mark->y, hypotf(mark->width, mark->height) + 2 * soft);

    for (int y = box.y0; y < box.y1; y++)
        for (int x = box.x0; x < box.x1; x++) {
            float px = ((float)x + 0.5f) * canvas->pixel_x, py = ((float)y + 0.5f) * canvas->pixel_y;
            float cover = ramp(0.5f * soft, -0.5f * soft, mark_distance(mark, px, py));

            if (cover > 0)
                paint(canvas, x, y, mark->color, cover * mark->opacity);
        }
}

// An object's distance, in the scene's units, and the unit vector away from it.
typedef struct Sample {
    float distance, nx, ny;
} Sample;

static float object_distance(const GcamShapes *shapes, const GcamSceneObject *object, float x, float y)
{
    float c = cosf(object->angle) / object->size, s = sinf(object->angle) / object->size;
    float dx = x - object->x, dy = y - object->y;

    return object->size * gcam_shape_distance(shapes, object->shape, c * dx + s * dy, c * dy - s * dx);
}

static Sample object_sample(const GcamShapes *shapes, const GcamSceneObject *object, float x, float y)
{
    float step = 0.012f * object->size, norm;
    float dx = object_distance(shapes, object, x + step, y) - object_distance(shapes, object, x - step, y);
    float dy = object_distance(shapes, object, x, y + step) - object_distance(shapes, object, x, y - step);
    Sample sample = { object_distance(shapes, object, x, y), 0, 0 };

    norm = hypotf(dx, dy);
    if (norm > 0) {
        sample.nx = dx / norm;
        sample.ny = dy / norm;
    }
    return sample;
}

// Share of a pixel that lies inside: the edge is straight on this scale, the pixel as wide as it is across
// the edge.
static float coverage(const Canvas *canvas, const Sample *sample)
{
    float width = fabsf(sample->nx) * canvas->pixel_x + fabsf(sample->ny) * canvas->pixel_y;

    return gcam_clamp(0.5f - sample->distance / fmaxf(width, 1e-6f));
}

// The object's surface turned over at its edge: bright towards the light, dark away from it.
static GcamColor shaded(const GcamScene *scene, const GcamSceneObject *object, const Brush *brush,
                        const Sample *sample, float x, float y)
{
    float bevel = object->bevel * object->size, slope = ramp(bevel, 0, -sample->distance);
    float facing = slope * (sample->nx * scene->light_x + sample->ny * scene->light_y);
    float highlight = fmaxf(object->gloss, 0) * ramp(0.55f, 1, facing) * 0.8f;
    GcamColor lit = scaled(brush_color(brush, x, y), 1 + 0.45f * facing);

    return gcam_blend_colors(lit, (GcamColor){ 1, 1, 1 }, highlight);
}

static void draw_shadow(const Canvas *canvas, const GcamSceneObject *object)
{
    const GcamScene *scene = canvas->scene;
    GcamSceneObject shadow = *object;
    float soft = scene->shadow_soft, reach = fminf(0.2f * object->size, soft);
    Box box;

    shadow.x -= scene->light_x * scene->shadow_length;
    shadow.y -= scene->light_y * scene->shadow_length;
    box = box_around(canvas, shadow.x, shadow.y, object->size + reach);
    for (int y = box.y0; y < box.y1; y++)
        for (int x = box.x0; x < box.x1; x++) {
            float px = ((float)x + 0.5f) * canvas->pixel_x, py = ((float)y + 0.5f) * canvas->pixel_y;
            float dark = ramp(reach, -soft, object_distance(canvas->shapes, &shadow, px, py));

            if (dark > 0)
                paint(canvas, x, y, (GcamColor){ 0, 0, 0 }, dark * scene->shadow);
        }
}

static void draw_object(const Canvas *canvas, const GcamSceneObject *object)
{
    Brush brush = brush_at(&object->surface, object->x, object->y, object->surface.angle + object->angle);
    Box box = box_around(canvas, object->x, object->y, object->size);

    for (int y = box.y0; y < box.y1; y++)
        for (int x = box.x0; x < box.x1; x++) {
            float px = ((float)x + 0.5f) * canvas->pixel_x, py = ((float)y + 0.5f) * canvas->pixel_y;
            Sample sample;

            if (object_distance(canvas->shapes, object, px, py) > canvas->pixel_x + canvas->pixel_y)
                continue;
            sample = object_sample(canvas->shapes, object, px, py);
            paint(canvas, x, y, shaded(canvas->scene, object, &brush, &sample, px, py),
                  coverage(canvas, &sample));
        }
}

void gcam_scene_render(const GcamScene *scene, const GcamShapes *shapes, uint8_t *rgb, ptrdiff_t stride,
                       int width, int height)
{
    Canvas canvas = { scene, shapes, rgb, stride, width, height,
                      scene->aspect / (float)width, 1 / (float)height };

    draw_ground(&canvas);
    for (int i = 0; i < scene->marks; i++)
        draw_mark(&canvas, &scene->mark[i]);
    for (int i = 0; i < scene->objects; i++) {
        draw_shadow(&canvas, &scene->object[i]);
        draw_object(&canvas, &scene->object[i]);
    }
}

// ----------------------------------------------------------------------------------------------------- masks

void gcam_scene_mask(const GcamScene *scene, const GcamShapes *shapes, int object,
                     uint8_t *mask, ptrdiff_t stride, int width, int height)
{
    Canvas canvas = { scene, shapes, NULL, 0, width, height,
                      scene->aspect / (float)width, 1 / (float)height };

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            float px = ((float)x + 0.5f) * canvas.pixel_x, py = ((float)y + 0.5f) * canvas.pixel_y;
            Sample sample = object_sample(shapes, &scene->object[object], px, py);
            float visible = coverage(&canvas, &sample);

            for (int i = object + 1; i < scene->objects && visible > 0; i++) {
                sample = object_sample(shapes, &scene->object[i], px, py);
                visible *= 1 - coverage(&canvas, &sample);
            }
            mask[y * stride + x] = to_byte(visible);
        }
}

float gcam_scene_visible(const GcamScene *scene, const GcamShapes *shapes, int object)
{
    enum { GRID = 40 };
    const GcamSceneObject *o = &scene->object[object];
    int all = 0, visible = 0;

    for (int j = 0; j < GRID; j++)
        for (int i = 0; i < GRID; i++) {
            float x = o->x + o->size * ((2 * (float)i + 1) / GRID - 1);
            float y = o->y + o->size * ((2 * (float)j + 1) / GRID - 1);
            int hidden = x < 0 || y < 0 || x > scene->aspect || y > 1;

            if (object_distance(shapes, o, x, y) > 0)
                continue;
            for (int k = object + 1; k < scene->objects && !hidden; k++)
                hidden = object_distance(shapes, &scene->object[k], x, y) <= 0;
            all++;
            visible += !hidden;
        }
    return all ? (float)visible / (float)all : 0;
}

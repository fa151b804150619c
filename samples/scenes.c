/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From a seed to the description of a scene, and from it to the same scene at another time.
 */
#include "scenes.h"

#include <math.h>
#include <string.h>

#include "scenes_math.h"

typedef struct Random {
    uint32_t seed, counter;
} Random;

static float uniform(Random *random, float low, float high)
{
    uint32_t bits = gcam_mix_bits(random->seed ^ gcam_mix_bits(++random->counter * 0x9e3779b9u));

    return low + (high - low) * (float)(bits >> 8) / 16777216.0f;
}

static int below(Random *random, int count)
{
    return (int)uniform(random, 0, (float)count);
}

static GcamColor from_hsv(float hue, float saturation, float value)
{
    float channel[3];

    for (int i = 0; i < 3; i++) {
        float k = fmodf((float)(5 - 2 * i) + hue * 6, 6);
        channel[i] = value - value * saturation * gcam_clamp(fminf(k, 4 - k));
    }
    return (GcamColor){ channel[0], channel[1], channel[2] };
}

static GcamColor random_color(Random *random, float max_saturation, float min_value)
{
    float hue = uniform(random, 0, 1), saturation = uniform(random, 0, max_saturation);

    return from_hsv(hue, saturation, uniform(random, min_value, 1));
}

static float color_distance(GcamColor a, GcamColor b)
{
    float dr = a.r - b.r, dg = a.g - b.g, db = a.b - b.b;

    return sqrtf(0.3f * dr * dr + 0.59f * dg * dg + 0.11f * db * db);
}

// ----------------------------------------------------------------------------------------------- description

static GcamSurface random_surface(Random *random, float min_period, float max_period)
{
    GcamSurface surface = {
        .texture = (enum GcamTexture)below(random, GCAM_TEXTURE_COUNT),
        .angle = uniform(random, 0, 2 * PI),
        .period = uniform(random, min_period, max_period),
        .rough = fmaxf(0, uniform(random, -0.3f, 0.6f)),
        .seed = (uint32_t)below(random, 1 << 20),
    };
    return surface;
}

// The ground's two colours are kin, so that it does not drown what stands before it.
static void describe_ground(GcamScene *scene, Random *random)
{
    GcamSurface *ground = &scene->ground;
    GcamColor other;

    *ground = random_surface(random, 0.06f, 0.5f);
    ground->color[0] = random_color(random, 0.9f, 0.1f);
    other = random_color(random, 0.9f, 0.1f);
    ground->color[1] = gcam_blend_colors(ground->color[0], other, uniform(random, 0.1f, 0.6f));
    if (ground->texture == GCAM_TEXTURE_GRADIENT) {
        ground->period = uniform(random, 0.3f, 1);
        ground->x = scene->aspect / 2;
        ground->y = 0.5f;
        ground->color[1] = other;
    }
    scene->glow = random_color(random, 0.6f, 0.2f);
    scene->glow_x = uniform(random, 0, scene->aspect);
    scene->glow_y = uniform(random, 0, 1);
    scene->glow_size = uniform(random, 0.3f, 1.2f);
    scene->vignette = uniform(random, 0, 0.6f);
}

static void describe_marks(GcamScene *scene, Random *random)
{
    scene->marks = below(random, GCAM_SCENE_MARKS + 1);
    for (int i = 0; i < scene->marks; i++) {
        GcamSceneMark *mark = &scene->mark[i];

        mark->kind = below(random, 3);
        mark->x = uniform(random, 0, scene->aspect);
        mark->y = uniform(random, 0, 1);
        mark->angle = uniform(random, 0, PI);
        mark->width = mark->kind ? uniform(random, 0.01f, 0.16f) : uniform(random, 0.1f, 0.6f);
        mark->height = mark->kind ? mark->width * uniform(random, 0.4f, 1) : uniform(random, 0.002f, 0.02f);
        mark->soft = uniform(random, 0, 1) < 0.5f ? 0.002f : uniform(random, 0.01f, 0.08f);
        mark->opacity = uniform(random, 0.1f, 0.9f);
        mark->color = random_color(random, 0.9f, 0.1f);
    }
}

// Colours that can be told from the ground.
static void describe_colors(GcamSceneObject *object, const GcamSurface *ground, Random *random)
{
    for (int i = 0; i < 2; i++)
        for (int attempt = 0; attempt < 24; attempt++) {
            GcamColor *color = &object->surface.color[i];

            *color = random_color(random, 1, 0.1f);
            if (color_distance(*color, ground->color[0]) > 0.25f &&
                color_distance(*color, ground->color[1]) > 0.25f)
                break;
        }
}

static void describe_object(GcamScene *scene, int index, Random *random)
{
    GcamSceneObject *object = &scene->object[index];

    object->size = uniform(random, 0.15f, 0.27f);
    object->x = uniform(random, 0.9f * object->size, scene->aspect - 0.9f * object->size);
    object->y = uniform(random, 0.9f * object->size, 1 - 0.9f * object->size);
    object->angle = uniform(random, 0, 2 * PI);
    object->bevel = uniform(random, 0.02f, 0.3f);
    object->gloss = uniform(random, -0.5f, 0.8f);
    object->surface = random_surface(random, 0.03f, 0.12f);
    if (object->surface.texture == GCAM_TEXTURE_GRADIENT)
        object->surface.period = object->size;
    describe_colors(object, &scene->ground, random);
}

// The newest object stands beside the others rather than on top of them, and leaves them visible.
static int overlaps_little(const GcamScene *scene, const GcamShapes *shapes)
{
    const GcamSceneObject *newest = &scene->object[scene->objects - 1];

    for (const GcamSceneObject *other = scene->object; other < newest; other++)
        if (hypotf(other->x - newest->x, other->y - newest->y) < 0.75f * (other->size + newest->size))
            return 0;
    for (int i = 0; i < scene->objects; i++)
        if (gcam_scene_visible(scene, shapes, i) < 0.72f)
            return 0;
    return 1;
}

void gcam_scene_describe(GcamScene *scene, const GcamShapes *shapes, uint32_t seed, float aspect,
                         int min, int max)
{
    Random random = { gcam_mix_bits(seed + 0x5ca1ab1eu), 0 };
    int kinds[GCAM_SHAPE_COUNT], wanted;
    float light = uniform(&random, 0, 2 * PI);

    memset(scene, 0, sizeof(*scene));
    scene->aspect = aspect;
    scene->light_x = cosf(light);
    scene->light_y = sinf(light);
    scene->shadow = uniform(&random, 0, 0.6f);
    scene->shadow_length = uniform(&random, 0.005f, 0.05f);
    scene->shadow_soft = uniform(&random, 0.01f, 0.08f);
    describe_ground(scene, &random);
    describe_marks(scene, &random);
    for (int i = 0; i < GCAM_SHAPE_COUNT; i++)
        kinds[i] = i;
    wanted = min + below(&random, max - min + 1);
    while (scene->objects < wanted) {
        int index = scene->objects, pick = index + below(&random, GCAM_SHAPE_COUNT - index);
        int kind = kinds[pick];

        kinds[pick] = kinds[index];
        kinds[index] = kind;
        describe_object(scene, index, &random);
        scene->object[index].shape = kind;
        scene->object[index].phase = (float)index / (float)wanted;
        scene->objects++;
        if (!overlaps_little(scene, shapes))
            scene->objects--;
    }
}

// ---------------------------------------------------------------------------------------------------- motion

void gcam_scene_at(GcamScene *out, const GcamScene *scene, double seconds)
{
    float t = (float)seconds;

    *out = *scene;
    out->ground.x += 0.02f * t;
    out->ground.y += 0.013f * t;
    out->glow_x += 0.2f * sinf(0.31f * t);
    for (int i = 0; i < out->marks; i++) {
        GcamSceneMark *mark = &out->mark[i];
        float pace = 0.2f + 0.03f * (float)i;

        mark->x += 0.05f * sinf(pace * t + (float)i);
        mark->y += 0.03f * cosf(pace * t + (float)(3 * i));
        mark->angle += 0.1f * sinf(pace * t);
    }
    for (int i = 0; i < out->objects; i++) {
        GcamSceneObject *object = &out->object[i];
        float turn = 2 * PI * (object->phase + t / 14), sway = t + 9 * object->phase;
        float near = 0.5f + 0.5f * sinf(turn);

        object->x = scene->aspect * (0.5f + 0.37f * cosf(turn)) + 0.015f * sinf(1.3f * sway);
        object->y = 0.2f + 0.48f * near + 0.015f * cosf(1.7f * sway);
        object->size = 0.14f + 0.06f * near;
        object->angle += 0.35f * sinf(0.8f * sway);
    }
    for (int i = 1; i < out->objects; i++)      // far to near
        for (int j = i; j > 0 && out->object[j].size < out->object[j - 1].size; j--) {
            GcamSceneObject nearer = out->object[j - 1];

            out->object[j - 1] = out->object[j];
            out->object[j] = nearer;
        }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam as a frei0r plugin, for programs whose filters cannot be added to: the ffmpeg of a distribution, mpv, MLT and
 * what is built on it (melt, Kdenlive, Shotcut). In: parameters by position, and pictures. Out: pictures with heat.
 *
 * A parameter is a row of the table. Numbers that do not lie from 0 to 1 are texts, since hosts scale what they take
 * for such. Hosts set all parameters before each picture; only what is another than before counts.
 */
#include "gradcam_picture.h"
#include "frei0r.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "look.h"

typedef struct Parameter {
    f0r_param_info_t info;
    const char *text;           // default of a text,
    double number;              // of a number
    unsigned changed;           // what it changes
} Parameter;

enum { MODEL, CLASS, METHOD, STRIDE, OPACITY, COLORMAP, SMOOTH, LIVE, PARAMETERS };

static const Parameter parameter[PARAMETERS] = {
    [MODEL] = { { "model", F0R_PARAM_STRING, "The network: an .onnx or .bin file; empty: a small built-in one" },
                "", 0, GCAM_CHANGED_MODEL },
    [CLASS] = { { "class", F0R_PARAM_STRING, "What to look for: name, group or index of a class, or auto" },
                "auto", 0, GCAM_CHANGED_CLASS },
    [METHOD] = { { "method", F0R_PARAM_STRING, "How the map is made: gradcam, counterfactual, ..." },
                 "gradcam", 0, GCAM_CHANGED_METHOD },
    [STRIDE] = { { "stride", F0R_PARAM_STRING, "Compute a map for every so many frames, 1 or more" },
                 "5", 0, GCAM_CHANGED_LOOK },
    [OPACITY] = { { "opacity", F0R_PARAM_DOUBLE, "Greatest weight of the colours" }, NULL, 0.6, GCAM_CHANGED_LOOK },
    [COLORMAP] = { { "colormap", F0R_PARAM_STRING,
                     "turbo, jet, viridis, inferno, magma, plasma, cividis, hot or gray" },
                   "turbo", 0, GCAM_CHANGED_LOOK },
    [SMOOTH] = { { "smooth", F0R_PARAM_DOUBLE, "Smoothing of maps over time: time constant in seconds" },
                 NULL, 0, GCAM_CHANGED_LOOK },
    [LIVE] = { { "live", F0R_PARAM_BOOL, "Never wait for the network: show the newest map there is" },
               NULL, 0, GCAM_CHANGED_LOOK },
};

typedef struct Instance {
    GcamLook *look;
    size_t size;                // bytes of a picture
    char *text[PARAMETERS];     // NULL for numbers
    double number[PARAMETERS];
    unsigned changed;           // since the last picture
    GcamWish wish;              // with texts of the above
} Instance;

int f0r_init(void)
{
    return 1;
}

void f0r_deinit(void)
{
}

void f0r_get_plugin_info(f0r_plugin_info_t *info)
{
    *info = (f0r_plugin_info_t){
        .name = "gradcam", .author = "the authors of gradcam", .plugin_type = F0R_PLUGIN_TYPE_FILTER,
        .color_model = F0R_COLOR_MODEL_RGBA8888, .frei0r_version = FREI0R_MAJOR_VERSION,
        .major_version = GRADCAM_VERSION_MAJOR, .minor_version = GRADCAM_VERSION_MINOR, .num_params = PARAMETERS,
        .explanation = "Shows where a neural network looks (Grad-CAM)",
    };
}

void f0r_get_param_info(f0r_param_info_t *info, int index)
{
    if (index >= 0 && index < PARAMETERS)
        *info = parameter[index].info;
}

f0r_instance_t f0r_construct(unsigned width, unsigned height)
{
    Instance *instance = width && height && width <= INT_MAX / 4 && height <= INT_MAX / 4
                       ? gcam_calloc(1, sizeof(*instance)) : NULL;

    if (!instance || gcam_mul((size_t)width * 4, height, &instance->size) < 0 ||
        gcam_look_create(&instance->look, (int)width, (int)height) < 0)
        goto fail;
    for (int i = 0; i < PARAMETERS; i++) {
        instance->number[i] = parameter[i].number;
        if (parameter[i].text && !(instance->text[i] = gcam_strdup(parameter[i].text)))
            goto fail;
    }
    instance->wish.stride = 1;
    instance->changed = GCAM_CHANGED_ALL;
    return instance;

fail:
    f0r_destruct(instance);
    return NULL;
}

void f0r_destruct(f0r_instance_t opaque)
{
    Instance *instance = opaque;

    if (!instance)
        return;
    gcam_look_free(&instance->look);
    for (int i = 0; i < PARAMETERS; i++)
        gcam_free(instance->text[i]);
    gcam_free(instance);
}

static void set_text(Instance *instance, int index, const char *text)
{
    char *copy;

    if (!text || !strcmp(text, instance->text[index]) || !(copy = gcam_strdup(text)))
        return;
    gcam_free(instance->text[index]);
    instance->text[index] = copy;
    instance->changed |= parameter[index].changed;
}

void f0r_set_param_value(f0r_instance_t opaque, f0r_param_t value, int index)
{
    Instance *instance = opaque;

    if (index < 0 || index >= PARAMETERS)
        return;
    if (parameter[index].text) {
        set_text(instance, index, *(char *const *)value);
    } else if (*(const double *)value != instance->number[index]) {
        instance->number[index] = *(const double *)value;
        instance->changed |= parameter[index].changed;
    }
}

void f0r_get_param_value(f0r_instance_t opaque, f0r_param_t value, int index)
{
    Instance *instance = opaque;

    if (index < 0 || index >= PARAMETERS)
        return;
    if (parameter[index].text)
        *(char **)value = instance->text[index];
    else
        *(double *)value = instance->number[index];
}

// A number from least to most; what is none is the nearest.
static double clip(double value, double least, double most)
{
    return value >= most ? most : value > least ? value : least;
}

// Values that are not understood are told of, and leave what was before.
static void read_look(Instance *instance)
{
    GcamWish *wish = &instance->wish;
    char *end;
    const long stride = strtol(instance->text[STRIDE], &end, 10);
    const int colormap = gradcam_colormap_find(instance->text[COLORMAP]);

    if (end == instance->text[STRIDE] || *end || stride < 1 || stride > INT_MAX)
        gcam_say("stride=%s is not a whole number from 1 on", instance->text[STRIDE]);
    else
        wish->stride = (int)stride;
    if (colormap < 0)
        gcam_say("colormap=%s is not known: %s", instance->text[COLORMAP], parameter[COLORMAP].info.explanation);
    else
        wish->colormap = colormap;
    wish->opacity = (float)clip(instance->number[OPACITY], 0, 1);
    wish->smooth = clip(instance->number[SMOOTH], 0, 3600);
    wish->live = instance->number[LIVE] >= 0.5;
}

void f0r_update(f0r_instance_t opaque, double time, const uint32_t *in, uint32_t *out)
{
    Instance *instance = opaque;
    const unsigned changed = instance->changed;

    if (in != out)
        memcpy(out, in, instance->size);
    if (changed & GCAM_CHANGED_LOOK)
        read_look(instance);
    instance->wish.model = instance->text[MODEL];
    instance->wish.class_text = instance->text[CLASS];
    instance->wish.method = instance->text[METHOD];
    instance->changed = 0;
    gcam_look_draw(instance->look, &instance->wish, changed, time, (uint8_t *)out);
}

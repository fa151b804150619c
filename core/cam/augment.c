/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Smoothing by variants of the picture. In: the picture as the network took it, normalised. Out: the mean of the maps
 * of the picture and its mirror image, each times 0.9, 1.1 and 1, turned back and scaled to 0..1: what does not survive
 * such changes fades. So does pytorch-grad-cam as aug_smooth, which takes the mean of enlarged maps; here it is that of
 * the maps at the layer's size, as everything after it expects. All is of the class that the picture itself shows.
 */
#include "augment.h"

#include "base/mem.h"
#include "fuse.h"

#include <string.h>

int gcam_method_augments(const GradcamMethod *method)
{
    const GradcamMethod given = gcam_method_given(method);
    int augments = 0;
    for (size_t i = 0; i < given.info->options; i++)
        if (!strcmp(given.info->option[i].name, "smooth"))
            augments = !strncmp(given.info->option[i].words[(size_t)given.value[i]], "aug", 3);
    return augments;
}

static int is_mirrored(int i)
{
    return i < GCAM_VARIANTS / 2;
}

float *gcam_augment_keep(GradcamContext *context, size_t count, float **room)
{
    const size_t floats = gcam_shape_count(&context->plan->value[context->plan->picture].shape);
    if (floats + count > context->augment_room) {
        gcam_free(context->augment);
        context->augment = gcam_alloc(floats + count, sizeof(*context->augment));
        context->augment_room = context->augment ? floats + count : 0;
    }
    if (!context->augment)
        return NULL;
    *room = context->augment + floats;
    return memcpy(context->augment, context->data[context->plan->picture], floats * sizeof(float));
}

int gcam_augment_show(GradcamContext *context, const float *picture, int i)
{
    static const float factors[GCAM_VARIANTS / 2] = { 0.9f, 1.1f, 1 };
    const float factor = factors[i % (GCAM_VARIANTS / 2)];
    const size_t all = gcam_shape_count(&context->plan->value[context->plan->picture].shape);
    const size_t width = (size_t)context->model->info.width;
    const size_t samples = all / width / (size_t)context->model->info.height;
    float *to = context->data[context->plan->picture];
    GcamRun run = gcam_context_run(context);
    run.seconds = NULL;                         // the picture's own times are told
    if (context->partial)                       // what it keeps is written over
        gcam_partial_forget(context->partial);
    for (size_t at = 0; at < all; at += samples) {
        const size_t x = at / samples % width, from = is_mirrored(i) ? at + (width - 1 - 2 * x) * samples : at;
        for (size_t k = 0; k < samples; k++)
            to[at + k] = factor * picture[from + k];
    }
    return gcam_plan_forward(context->plan, &run);
}

void gcam_augment_add(const GcamMethod *method, int i, float *map, int width, int height, float *mean)
{
    gcam_map_scale(method, map, (size_t)width * (size_t)height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            mean[y * width + x] += map[y * width + (is_mirrored(i) ? width - 1 - x : x)] / GCAM_VARIANTS;
}

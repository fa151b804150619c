/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Structs of callers that were compiled with an older or a newer header.
 */
#include <stdlib.h>

#include "base/sized.h"
#include "gradcam_picture.h"
#include "harness.h"

typedef struct First {
    size_t size;
    int a;
} First;

typedef struct Second {
    size_t size;
    int a, b;
} Second;

static void what_is_not_given_is_zero(void)
{
    const First old = { sizeof(old), 5 }, unsaid = { 0, 6 };
    Second own = { 1, 2, 3 };
    gcam_sized_take(&own, sizeof(own), offsetof(Second, b), &old);
    CHECK(own.size == sizeof(own) && own.a == 5);
    const Second some = { offsetof(Second, b), 7, 8 };
    gcam_sized_take(&own, sizeof(own), offsetof(Second, b), &some);
    CHECK(own.a == 7 && own.b == 0);
    gcam_sized_take(&own, sizeof(own), offsetof(Second, b), &unsaid);
    CHECK(own.a == 6 && own.b == 0);
    gcam_sized_take(&own, sizeof(own), offsetof(Second, b), NULL);
    CHECK(own.size == sizeof(own) && own.a == 0 && own.b == 0);
}

static void what_is_not_known_is_left_out(void)
{
    const Second new = { sizeof(new), 5, 6 };
    size_t own[2] = { 1, 2 };
    gcam_sized_take(own, sizeof(own[0]), sizeof(own[0]), &new);
    CHECK(own[0] == sizeof(own[0]) && own[1] == 2);
}

static void nothing_is_written_behind_the_end(void)
{
    const Second own = { sizeof(own), 5, 6 };
    Second old = { offsetof(Second, b), 1, 2 };
    gcam_sized_give(&old, offsetof(Second, b), &own, sizeof(own));
    CHECK(old.size == offsetof(Second, b) && old.a == 5 && old.b == 2);
    old = (Second){ 0, 1, 2 };
    gcam_sized_give(&old, offsetof(Second, b), &own, sizeof(own));
    CHECK(old.size == 0 && old.a == 5 && old.b == 2);
    struct { Second known; int more; } new = { { sizeof(new), 1, 2 }, 3 };
    gcam_sized_give(&new, offsetof(Second, b), &own, sizeof(own));
    CHECK(new.known.size == sizeof(new) && new.known.a == 5 && new.known.b == 6 && new.more == 3);
    gcam_sized_give(NULL, sizeof(own), &own, sizeof(own));
}

// A caller's array of targets of another size than the library's.
static void arrays_keep_their_own_stride(void)
{
    struct Larger {
        GradcamTarget target;
        char more[24];
    } larger[2] = { { .target = { .size = sizeof(larger[0]), .name = "", .rank = 1 } } };
    larger[1].target = (GradcamTarget){ .name = "" };
    struct Info {
        GradcamMapInfo info;
        char more[24];
    } infos[2] = { { .info = { .size = sizeof(infos[0]) } } };
    GradcamModel *model = NULL;
    GradcamContext *context = NULL;
    GradcamModelOptions options = { .size = sizeof(options) };
    REQUIRE(gradcam_model_open(&model, NULL, &options) == 0 && gradcam_context_open(&context, model, NULL) == 0);
    const GradcamModelInfo *info = gradcam_model_info(model);
    const size_t row = (size_t)info->width * info->channels;
    uint8_t *pixels = calloc(info->height, row);
    const GradcamLayer *layer = gradcam_context_layer(context);
    float *maps = calloc(2 * (size_t)layer->width * layer->height, sizeof(*maps));
    REQUIRE(pixels && maps && gradcam_context_forward(context, pixels, (ptrdiff_t)row) == 0);
    CHECK_INT(gradcam_context_maps(context, &larger[0].target, 2, NULL, maps, SIZE_MAX, &infos[0].info), 0);
    CHECK_INT(infos[0].info.class_index, gradcam_context_top(context, 1));
    CHECK_INT(infos[1].info.class_index, gradcam_context_top(context, 0));
    free(maps);
    free(pixels);
    gradcam_context_close(&context);
    gradcam_model_close(&model);
}

int main(void)
{
    RUN(what_is_not_given_is_zero);
    RUN(what_is_not_known_is_left_out);
    RUN(nothing_is_written_behind_the_end);
    RUN(arrays_keep_their_own_stride);
    return end_cases();
}

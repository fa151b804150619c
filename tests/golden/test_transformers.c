/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 1800
 *
 * The zoo's transformers against what pytorch-grad-cam finds (transformers.txt, made by transformers.py): the automatic
 * layer, the logit to 1e-4 of the largest, maps to 1e-3 of their largest, the same bits with one and two threads.
 */
#include "golden/zoo_model.h"
#include "gradcam.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CELLS 256

typedef struct Reference {
    char network[64], layer[256];
    int index, height, width;
    float logit, map[MOST_CELLS];
} Reference;

static int read_reference(FILE *file, Reference *r)
{
    if (fscanf(file, "%63s %255s %d %f %d %d", r->network, r->layer, &r->index, &r->logit, &r->height,
               &r->width) != 6 ||
        r->height * r->width > MOST_CELLS)
        return 0;
    for (int i = 0; i < r->height * r->width; i++)
        if (fscanf(file, "%f", &r->map[i]) != 1)
            return 0;
    return 1;
}

static void compute(GradcamModel *model, int threads, const float *input, const Reference *want, float *map,
                    GradcamMapInfo *info, float *largest)
{
    const GradcamTarget target = { .name = "", .classes = &want->index, .count = 1 };
    const GradcamSettings settings = { .threads = threads };
    GradcamContext *context = NULL;
    size_t classes;
    CHECK_INT(gradcam_context_open(&context, model, &settings), 0);
    REQUIRE(context);
    const GradcamLayer *layer = gradcam_context_layer(context);
    CHECK_STR(layer->name, want->layer);
    CHECK_INT(layer->height, want->height);
    CHECK_INT(layer->width, want->width);
    if (layer->height * layer->width <= MOST_CELLS) {
        CHECK_INT(gradcam_context_forward_float(context, input), 0);
        CHECK_INT(gradcam_context_map(context, &target, NULL, map, SIZE_MAX, info), 0);
        const float *y = gradcam_context_logits(context, &classes);
        *largest = 0;
        for (size_t i = 0; i < classes; i++)
            *largest = fabsf(y[i]) > *largest ? fabsf(y[i]) : *largest;
    }
    gradcam_context_close(&context);
}

static void check(GradcamModel *model, const float *input, const Reference *want)
{
    float one[MOST_CELLS] = { 0 }, two[MOST_CELLS] = { 0 }, highest = 0, worst = 0, largest = 0;
    GradcamMapInfo info = { 0 };
    compute(model, 1, input, want, one, &info, &largest);
    compute(model, 2, input, want, two, &info, &largest);
    CHECK(!memcmp(one, two, sizeof(one)));
    if (!(fabsf(info.score - want->logit) <= 1e-4f * largest))
        fail("class %d: logit %g, not %g", want->index, (double)info.score, (double)want->logit);
    for (int i = 0; i < want->height * want->width; i++) {
        float difference = fabsf(one[i] - want->map[i]);
        highest = want->map[i] > highest ? want->map[i] : highest;
        worst = !(difference <= worst) ? difference : worst;
    }
    if (!(worst <= 1e-3f * highest))
        fail("class %d: map off by %g of its highest", want->index, (double)(worst / highest));
    note("class %d: %.1e", want->index, (double)(worst / highest));
}

static void check_network(const char *shared, const char *name, const Reference *references, int count)
{
    Npy input = { 0 };
    GradcamModel *model = zoo_open(shared, name, &input);
    for (int i = 0; model && input.floats && i < count; i++)
        if (!strcmp(references[i].network, name))
            check(model, input.floats, &references[i]);
    zoo_close(&model, name, &input);
}

int main(void)
{
    static Reference reference[16];
    const char *shared = getenv("SHARED"), *source = getenv("SRC");
    char path[4096];
    int count = 0;
    snprintf(path, sizeof(path), "%s/tests/golden/transformers.txt", source ? source : ".");
    FILE *file = fopen(path, "r");
    while (file && count < 16 && read_reference(file, &reference[count]))
        count++;
    if (file)
        fclose(file);
    begin_case("references for transformers");
    CHECK(count > 0);
    end_case();
    for (int i = 0; i < count; i++) {
        if (i && !strcmp(reference[i].network, reference[i - 1].network))
            continue;
        begin_case("maps of %s as pytorch-grad-cam has them", reference[i].network);
        if (shared && *shared)
            check_network(shared, reference[i].network, reference, count);
        else
            skip("no shared test data");
        end_case();
    }
    return end_cases();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 600
 *
 * Maps of transformers' attention against what PyTorch makes of the formulas (attention.txt, made by attention.py): to
 * 1e-3 of the largest, the same bits with one and two threads, and for several classes at once.
 */
#include "golden/zoo_model.h"
#include "gradcam.h"
#include "harness.h"
#include "method.h"

enum { MOST_CELLS = 256, MOST_LINES = 64 };

typedef struct Line {
    char network[64], folder[64], method[32];
    int class, height, width;
    float map[MOST_CELLS];
} Line;

static int read_line(FILE *file, Line *line)
{
    if (fscanf(file, "%63s %63s %31s %d %d %d", line->network, line->folder, line->method, &line->class, &line->height,
               &line->width) != 6 || line->height * line->width > MOST_CELLS)
        return 0;
    for (int i = 0; i < line->height * line->width; i++)
        if (fscanf(file, "%f", &line->map[i]) != 1)
            return 0;
    return 1;
}

static int read_lines(Line *lines)
{
    const char *source = getenv("SRC");
    char path[4096];
    int count = 0;
    snprintf(path, sizeof(path), "%s/tests/golden/attention.txt", source ? source : ".");
    FILE *file = fopen(path, "r");
    while (file && count < MOST_LINES && read_line(file, &lines[count]))
        count++;
    if (file)
        fclose(file);
    return count;
}

static void check_line(GradcamContext *const *contexts, const Line *want)
{
    float map[2][2 * MOST_CELLS] = { { 0 } };
    const int other = 0, cells = want->height * want->width;
    const GradcamTarget targets[] = { { .name = "", .classes = &other, .count = 1 },
                                      { .name = "", .classes = &want->class, .count = 1 } };
    const GradcamMethod method = method_named(want->method);
    int width, height;
    float worst = 0, largest = 0;
    gradcam_context_map_size(contexts[0], &method, &width, &height);
    CHECK_INT(width, want->width);
    CHECK_INT(height, want->height);
    if (width * height != cells)
        return;
    CHECK_INT(gradcam_context_map(contexts[0], &targets[1], &method, map[0] + cells, SIZE_MAX, NULL), 0);
    CHECK_INT(gradcam_context_maps(contexts[1], targets, 2, &method, map[1], SIZE_MAX, NULL), 0);
    if (memcmp(map[0] + cells, map[1] + cells, (size_t)cells * sizeof(float)))
        fail("%s: other bits with two threads and two classes", want->method);
    for (int i = 0; i < cells; i++) {
        float difference = fabsf(map[0][cells + i] - want->map[i]);
        worst = difference <= worst ? worst : isnan(difference) ? INFINITY : difference;
        largest = fmaxf(largest, want->map[i]);
    }
    if (!(worst <= 1e-3f * largest))
        fail("%s of class %d: off by %g of the largest", want->method, want->class, (double)(worst / largest));
    note("%s of class %d: %.1e", want->method, want->class, (double)(worst / largest));
}

static void check_lines(GradcamModel *model, const float *input, const char *name, const Line *lines, int count)
{
    GradcamContext *contexts[2] = { NULL, NULL };
    for (int i = 0; i < 2; i++) {
        const GradcamSettings settings = { .threads = i + 1 };
        REQUIRE(gradcam_context_open(&contexts[i], model, &settings) == 0);
        CHECK_INT(gradcam_context_forward_float(contexts[i], input), 0);
    }
    for (int i = 0; i < count; i++)
        if (!strcmp(lines[i].network, name))
            check_line(contexts, &lines[i]);
    for (int i = 0; i < 2; i++)
        gradcam_context_close(&contexts[i]);
}

static void check_zoo(const char *shared, const char *name, const Line *lines, int count)
{
    Npy input = { 0 };
    GradcamModel *model = zoo_open(shared, name, &input);
    if (model && input.floats)
        check_lines(model, input.floats, name, lines, count);
    zoo_close(&model, name, &input);
}

static void check_case(const char *shared, const Line *first, const Line *lines, int count)
{
    static float input[3 * 64 * 64];
    GradcamModel *model = NULL;
    char path[4096];
    for (int i = 0; i < 3 * 64 * 64; i++)
        input[i] = (float)sin(0.7 * i);
    snprintf(path, sizeof(path), "%s/%.63s/%.63s.onnx", shared, first->folder, first->network);
    CHECK_INT(gradcam_model_open(&model, path, NULL), 0);
    if (model)
        check_lines(model, input, first->network, lines, count);
    gradcam_model_close(&model);
}

int main(void)
{
    static Line lines[MOST_LINES];
    const char *shared = getenv("SHARED");
    int count = read_lines(lines);
    begin_case("references for attention");
    CHECK(count > 0);
    for (int i = 0; i < count; i++) {
        if (i && !strcmp(lines[i].network, lines[i - 1].network))
            continue;
        begin_case("attention of %s as the formulas have it", lines[i].network);
        if (!shared || !*shared)
            skip("no shared test data");
        else if (!strcmp(lines[i].folder, "zoo"))
            check_zoo(shared, lines[i].network, lines, count);
        else
            check_case(shared, &lines[i], lines, count);
    }
    return end_cases();
}

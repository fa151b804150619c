/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 600
 *
 * Methods on a small network, methods.onnx, against what PyTorch, captum and pytorch-grad-cam make of the same picture:
 * methods.txt, which methods.py wrote, and layers.txt of layers.py: maps of several layers. Demanded: 1e-4 of the
 * largest number.
 */
#include "gradcam.h"
#include "harness.h"
#include "method.h"

enum { CLASS = 3, MOST = 2048 };

typedef struct Line {
    char layer[32], method[64];
    int height, width;
    float value[MOST];
} Line;

static int read_line(FILE *file, Line *line)
{
    if (fscanf(file, "%31s %63s %d %d", line->layer, line->method, &line->height, &line->width) != 4)
        return 0;
    if (line->height * line->width > MOST)
        return 0;
    for (int i = 0; i < line->height * line->width; i++)
        if (fscanf(file, "%f", &line->value[i]) != 1)
            return 0;
    return 1;
}

static void check_map(GradcamModel *model, const float *picture, const Line *line)
{
    static float map[MOST];
    static const int class = CLASS;
    const GradcamTarget target = { .name = "", .classes = &class, .count = 1 };
    const GradcamMethod method = method_named(line->method);
    const GradcamSettings settings = { .layer = line->layer, .threads = 1 };
    GradcamContext *context;
    GradcamMapInfo info = { 0 };
    int width, height;
    double worst = 0, largest = 0;
    REQUIRE(gradcam_context_open(&context, model, &settings) == 0);
    gradcam_context_map_size(context, &method, &width, &height);
    CHECK_INT(width, line->width);
    CHECK_INT(height, line->height);
    CHECK_INT(gradcam_context_forward_float(context, picture), 0);
    CHECK_INT(gradcam_context_map(context, &target, &method, map, FLOATS(map), &info), 0);
    for (int i = 0; i < width * height && width * height <= MOST; i++) {
        double difference = fabs((double)map[i] - line->value[i]);
        worst = difference <= worst ? worst : isnan(difference) ? INFINITY : difference;
        largest = fmax(largest, fabs(line->value[i]));
    }
    CHECK(largest > 0);
    if (!(worst <= 1e-4 * largest))
        fail("off by %g of the largest", worst / largest);
    note("%.1e", worst / largest);
    gradcam_context_close(&context);
}

// The first line of methods.txt is the picture.
static void check_file(GradcamModel *model, const char *name, Line *picture)
{
    static Line line;
    const char *source = getenv("SRC");
    char path[4096];
    snprintf(path, sizeof(path), "%s/tests/golden/%s", source ? source : ".", name);
    FILE *file = fopen(path, "r");
    CHECK(file && (picture->height || read_line(file, picture)));
    while (model && file && read_line(file, &line))
        if (begin_case("%s of layer %s", line.method, line.layer))
            check_map(model, picture->value, &line);
    if (file)
        fclose(file);
}

int main(void)
{
    static Line picture;
    const char *source = getenv("SRC");
    char path[4096];
    GradcamModel *model = NULL;
    begin_case("values");
    snprintf(path, sizeof(path), "%s/tests/golden/methods.onnx", source ? source : ".");
    CHECK_INT(gradcam_model_open(&model, path, &(GradcamModelOptions){ .labels = "none" }), 0);
    check_file(model, "methods.txt", &picture);
    check_file(model, "layers.txt", &picture);
    gradcam_model_close(&model);
    return end_cases();
}

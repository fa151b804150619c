/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What was found in a picture, in words for people or as JSON for programs. In: results. Out: lines on stdout.
 */
#include "explain.h"

#include "base/utf8.h"
#include "gradcam_picture.h"

#include <math.h>
#include <string.h>

// Where the map is hottest, in pixels of the picture.
static void find_peak(const Result *r, double *x, double *y)
{
    *x = r->region.x + r->place->peak_x * r->region.width;
    *y = r->region.y + r->place->peak_y * r->region.height;
}

static GradcamPixels find_pixels(const Result *r)
{
    GradcamPixels pixels = { .size = sizeof(pixels) };

    gradcam_place_pixels(r->place, &r->region, r->frame->width, r->frame->height, &pixels);
    return pixels;
}

// One that means something.
static void print_number(const char *name, double value)
{
    if (isfinite(value))
        printf(", %s %.4f", name, value);
}

static const char *score_name(const GradcamTarget *target)
{
    return target->score ? target->score : gradcam_score_at(0)->name;
}

static void print_text(const Explain *e, const Result *r)
{
    double x, y;

    char picture[4096];

    find_peak(r, &x, &y);
    snprintf(picture, sizeof(picture), "%s", r->picture);
    gcam_utf8_trim(picture);
    gcam_utf8_disarm(picture);
    if (r->target->count > 1 || r->info.class_index < 0 || strcmp(score_name(r->target), "logit"))
        printf("%s: %s", picture, r->name);
    else if (gradcam_model_info(e->model)->labels)
        printf("%s: %s (%d)", picture, r->name, r->info.class_index);
    else
        printf("%s: class %d", picture, r->info.class_index);
    print_number("probability", r->info.probability);
    print_number("score", r->info.score);
    if (r->info.empty)
        printf(", the map is empty");
    else
        printf(", hottest at %.0f,%.0f of %dx%d", x, y, r->frame->width, r->frame->height);
    const GradcamPixels p = find_pixels(r);
    if (p.boxed)
        printf(", box %dx%d at %d,%d", p.width, p.height, p.x, p.y);
    printf("\n");
}

// The box and the centre, as the filter's log has them.
static void print_place(Explain *e, const Result *r)
{
    const GradcamPixels p = find_pixels(r);
    const int box[4] = { p.x, p.y, p.width, p.height }, centre[2] = { p.centre_x, p.centre_y };

    if (p.boxed) {
        json_open(&e->json, "box", '[');
        for (int i = 0; i < 4; i++)
            json_integer(&e->json, NULL, box[i]);
        json_close(&e->json, ']');
    }
    if (p.centred) {
        json_open(&e->json, "centre", '[');
        for (int i = 0; i < 2; i++)
            json_integer(&e->json, NULL, centre[i]);
        json_close(&e->json, ']');
    }
}

static void print_json(Explain *e, const Result *r)
{
    Json *json = &e->json;
    double x, y;

    find_peak(r, &x, &y);
    json_open(json, NULL, '{');
    json_string(json, "name", r->name);
    json_number(json, "class", r->info.class_index < 0 ? NAN : r->info.class_index);
    if (r->info.class_index >= 0)
        json_string(json, "label", gradcam_model_label(e->model, r->info.class_index));
    json_string(json, "kind", score_name(r->target));
    json_number(json, "probability", r->info.probability);
    json_number(json, "score", r->info.score);
    json_open(json, "map", '{');
    json_integer(json, "width", e->columns);
    json_integer(json, "height", e->rows);
    json_number(json, "min", r->info.min);
    json_number(json, "max", r->info.max);
    json_boolean(json, "empty", r->info.empty);
    if (!r->info.empty) {
        json_open(json, "hottest", '{');
        json_number(json, "x", x);
        json_number(json, "y", y);
        json_close(json, '}');
    }
    json_close(json, '}');
    if (e->draw.boxes)
        print_place(e, r);
    if (r->out)
        json_string(json, "out", r->out);
    if (r->map_out)
        json_string(json, "map_file", r->map_out);
    json_close(json, '}');
}

void explain_print_top(Explain *e)
{
    size_t classes;
    const float *logits = gradcam_context_logits(e->context, &classes);

    json_open(&e->json, "top", '[');
    for (int rank = 0; rank < 5 && (size_t)rank < classes; rank++) {
        const int index = gradcam_context_top(e->context, rank);
        const GradcamTarget target = { .name = "", .classes = &index, .count = 1 };
        if (index < 0)
            break;
        json_open(&e->json, NULL, '{');
        json_integer(&e->json, "class", index);
        json_string(&e->json, "label", gradcam_model_label(e->model, index));
        json_number(&e->json, "probability", gradcam_context_probability(e->context, &target));
        json_number(&e->json, "score", logits[index]);
        json_close(&e->json, '}');
    }
    json_close(&e->json, ']');
}

// A name, or an array of them.
void explain_print_layers(Explain *e)
{
    const GradcamLayer *layer;

    if (!gradcam_context_layer_at(e->context, 1)) {
        json_string(&e->json, "layer", gradcam_context_layer(e->context)->name);
        return;
    }
    json_open(&e->json, "layers", '[');
    for (size_t i = 0; (layer = gradcam_context_layer_at(e->context, i)); i++)
        json_string(&e->json, NULL, layer->name);
    json_close(&e->json, ']');
}

void explain_print(Explain *e, const Result *r)
{
    if (e->as_json)
        print_json(e, r);
    else if (!e->silent)
        print_text(e, r);
}

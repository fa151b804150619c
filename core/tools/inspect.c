/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam info, layers and classes: what is in a model, as text or as JSON.
 */
#include <ctype.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "network.h"

static const Option json_option[] = {
    { "json", 0, NULL, "print JSON" },
    { 0 }
};

static int open_argument(GradcamModel **model, const Arguments *arguments)
{
    SayLog log;

    say_log_init(&log, 0);
    return network_open(model, arguments, arguments->count ? arguments->argument[0] : NULL,
                        option_value(arguments, "layer"), &log);
}

// ------------------------------------------------------------------------------------------------------ info

static const char *color_name(const GradcamModelInfo *info)
{
    return info->channels == 1 ? "gray" : info->preprocessing.bgr ? "bgr" : "rgb";
}

static void json_shape(Json *json, const GradcamInput *input)
{
    json_string(json, "type", input->type);
    json_open(json, "shape", '[');
    for (int i = 0; i < input->rank; i++)
        json_integer(json, NULL, (long long)input->shape[i]);
    json_close(json, ']');
}

static void info_json(const GradcamModel *model)
{
    const GradcamModelInfo *i = gradcam_model_info(model);
    const GradcamPreprocessing *p = &i->preprocessing;
    const GradcamInput *input;
    Json json = { stdout, 0, 0 };

    json_open(&json, NULL, '{');
    json_string(&json, "name", i->name);
    json_string(&json, "format", i->format);
    json_string(&json, "producer", i->producer);
    json_integer(&json, "opset", i->opset);
    json_string(&json, "source_sha256", i->source_sha256);
    json_string(&json, "licence", i->licence);
    json_string(&json, "input", i->input);
    json_integer(&json, "width", i->width);
    json_integer(&json, "height", i->height);
    json_string(&json, "color", color_name(i));
    json_integer(&json, "frames", i->frames);
    json_string(&json, "layout", gradcam_model_picture(model)->layout);
    json_shape(&json, gradcam_model_picture(model));
    json_string(&json, "preprocessing", i->preprocessing_source);
    json_string(&json, "preprocessing_reason", i->preprocessing_reason);
    json_open(&json, "mean", '[');
    for (int c = 0; c < i->channels; c++)
        json_number(&json, NULL, p->mean[c]);
    json_close(&json, ']');
    json_open(&json, "std", '[');
    for (int c = 0; c < i->channels; c++)
        json_number(&json, NULL, p->std[c]);
    json_close(&json, ']');
    json_open(&json, "other_inputs", '[');
    for (size_t k = 0; (input = gradcam_model_input_at(model, k)); k++) {
        json_open(&json, NULL, '{');
        json_string(&json, "name", input->name);
        json_string(&json, "kind", gradcam_input_kind_name(input->kind));
        json_string(&json, "state", input->state);
        json_shape(&json, input);
        json_integer(&json, "elements", (long long)input->count);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_string(&json, "logits", i->logits);
    json_string(&json, "probabilities", i->probabilities);
    json_string(&json, "probability", gradcam_probability_name(i->probability));
    json_boolean(&json, "probability_assumed", i->probability_assumed);
    json_string(&json, "layer", i->layer);
    json_integer(&json, "classes", (long long)i->classes);
    json_integer(&json, "labels", (long long)i->labels);
    json_integer(&json, "groups", (long long)i->groups);
    json_integer(&json, "parameters", (long long)i->parameters);
    json_integer(&json, "nodes", (long long)i->nodes);
    json_close(&json, '}');
}

static void print_row(const char *name, const char *value)
{
    if (*value)
        printf("%-14s %s\n", name, value);
}

// "question, 27 elements (float32 1x27)"
static void print_input(const GradcamInput *input)
{
    printf("%-14s %s, %zu elements (%s ", "other input", input->name, input->count, input->type);
    for (int i = 0; i < input->rank; i++)
        printf("%s%zu", i ? "x" : "", input->shape[i]);
    printf("%s)%s%s\n", input->rank ? "" : "scalar", *input->state ? ", the frame before's " : "", input->state);
}

static void print_picture(const GradcamModelInfo *info, const GradcamInput *picture)
{
    const GradcamPreprocessing *p = &info->preprocessing;

    printf("%-14s %s, %d x %d, %s", "input", info->input, info->width, info->height,
           info->channels == 1 ? "grey" : p->bgr ? "BGR" : "RGB");
    if (info->frames > 1)
        printf(", %d frames", info->frames);
    printf(" (%s %s)\n", picture->type, picture->layout);
    printf("%-14s", "mean");
    for (int c = 0; c < info->channels; c++)
        printf("%s %g", c ? "," : "", p->mean[c]);
    printf(" (pixels in 0..255%s)\n%-14s", strcmp(info->preprocessing_source, "assumed") ? "" : "; assumed", "std");
    for (int c = 0; c < info->channels; c++)
        printf("%s %g", c ? "," : "", p->std[c]);
    printf("\n");
    print_row("pixels", info->preprocessing_reason);
}

static void info_text(const GradcamModel *model)
{
    const GradcamModelInfo *i = gradcam_model_info(model);
    const GradcamInput *input;

    print_row("name", i->name);
    print_row("format", i->format);
    print_row("producer", i->producer);
    printf("%-14s %d\n", "opset", i->opset);
    print_row("licence", i->licence);
    print_row("source sha256", i->source_sha256);
    print_picture(i, gradcam_model_picture(model));
    for (size_t k = 0; (input = gradcam_model_input_at(model, k)); k++)
        print_input(input);
    printf("%-14s %s%s%s\n", "scores", i->logits, *i->probabilities ? ", the exported graph ended in " : "",
           i->probabilities);
    printf("%-14s %s%s\n", "probability", gradcam_probability_name(i->probability),
           i->probability_assumed ? ", assumed: the graph does not tell (--probability of gradcam explain)" : "");
    printf("%-14s %s\n", "layer", *i->layer ? i->layer : "none that has rows and columns");
    printf("%-14s %zu, %zu with labels, %zu groups\n", "classes", i->classes, i->labels, i->groups);
    printf("%-14s %zu in %zu operators\n", "parameters", i->parameters, i->nodes);
}

static int run_info(const Arguments *arguments)
{
    GradcamModel *model;
    const int status = open_argument(&model, arguments);

    if (status)
        return status;
    if (option_given(arguments, "json"))
        info_json(model);
    else
        info_text(model);
    gradcam_model_close(&model);
    return STATUS_OK;
}

const Command command_info = {
    .name = "info",
    .summary = "what a network is",
    .usage = "[MODEL] [OPTION]...",
    .examples = "  gradcam info                                  the network that is built in\n"
                "  gradcam info vgg16.onnx                       its input, layer, classes, preprocessing\n"
                "  gradcam info vgg16.bin --json\n",
    .options = { json_option, network_options },
    .most = 1,
    .run = run_info,
};

// ---------------------------------------------------------------------------------------------------- layers

static int run_layers(const Arguments *arguments)
{
    GradcamModel *model;
    const int status = open_argument(&model, arguments);
    Json json = { stdout, 0, 0 };
    const GradcamLayer *l;

    if (status)
        return status;
    const int as_json = option_given(arguments, "json");
    if (as_json)
        json_open(&json, NULL, '[');
    for (size_t i = 0; (l = gradcam_model_layer_at(model, i)); i++) {
        if (!as_json) {
            printf("%c %-40s %-20s %5d x %3d x %3d\n", l->is_auto ? '*' : ' ', l->name, l->op, l->channels,
                   l->height, l->width);
            continue;
        }
        json_open(&json, NULL, '{');
        json_string(&json, "name", l->name);
        json_string(&json, "node", l->node);
        json_string(&json, "op", l->op);
        json_integer(&json, "channels", l->channels);
        json_integer(&json, "height", l->height);
        json_integer(&json, "width", l->width);
        json_boolean(&json, "auto", l->is_auto);
        json_close(&json, '}');
    }
    if (as_json)
        json_close(&json, ']');
    gradcam_model_close(&model);
    return STATUS_OK;
}

const Command command_layers = {
    .name = "layers",
    .summary = "the layers that can be explained, in their order; * marks the automatic choice",
    .usage = "[MODEL] [OPTION]...",
    .examples = "  gradcam layers vgg16.onnx                     name, operator, channels x height x width\n"
                "  gradcam layers vgg16.onnx --json\n",
    .options = { json_option, network_options },
    .most = 1,
    .run = run_layers,
};

// --------------------------------------------------------------------------------------------------- classes

static int contains(const char *text, const char *part)
{
    const size_t length = strlen(part);

    for (; *text || !length; text++) {
        size_t i = 0;
        while (i < length && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (i == length)
            return 1;
    }
    return 0;
}

// Prints the classes and groups that contain the pattern, returns how many there were.
static size_t list_classes(const GradcamModel *model, const char *pattern, Json *json)
{
    const GradcamModelInfo *info = gradcam_model_info(model);
    size_t found = 0, members;
    const int *classes;

    if (json)
        json_open(json, "classes", '[');
    for (size_t i = 0; i < info->classes; i++) {
        const char *label = gradcam_model_label(model, i);
        if (!contains(label, pattern))
            continue;
        found++;
        if (json) {
            json_open(json, NULL, '{');
            json_integer(json, "index", (long long)i);
            json_string(json, "label", label);
            json_close(json, '}');
        } else {
            printf("%5zu  %s\n", i, label);
        }
    }
    if (json) {
        json_close(json, ']');
        json_open(json, "groups", '[');
    }
    for (size_t i = 0; i < info->groups; i++) {
        const char *names = gradcam_model_group(model, i, &classes, &members);
        if (!contains(names, pattern))
            continue;
        found++;
        if (json) {
            json_open(json, NULL, '{');
            json_string(json, "names", names);
            json_open(json, "classes", '[');
            for (size_t k = 0; k < members; k++)
                json_integer(json, NULL, classes[k]);
            json_close(json, ']');
            json_close(json, '}');
        } else {
            printf("group  %s (%zu classes)\n", names, members);
        }
    }
    if (json)
        json_close(json, ']');
    return found;
}

static int run_classes(const Arguments *arguments)
{
    const char *pattern = arguments->count > 1 ? arguments->argument[1] : "";
    GradcamModel *model;
    int status = open_argument(&model, arguments);
    Json json = { stdout, 0, 0 };

    if (status)
        return status;
    if (option_given(arguments, "json")) {
        json_open(&json, NULL, '{');
        list_classes(model, pattern, &json);
        json_close(&json, '}');
    } else if (!list_classes(model, pattern, NULL)) {
        status = say_failure("no class or group of %s contains \"%s\"",
                             network_name(arguments->count ? arguments->argument[0] : NULL), pattern);
    }
    gradcam_model_close(&model);
    return status;
}

const Command command_classes = {
    .name = "classes",
    .summary = "the classes a network knows, with their indices, and groups of them",
    .usage = "[MODEL [PATTERN]] [OPTION]...",
    .examples = "  gradcam classes                               all of the built-in network\n"
                "  gradcam classes vgg16.bin retriever           those whose name contains \"retriever\"\n",
    .options = { json_option, network_options },
    .most = 2,
    .run = run_classes,
};

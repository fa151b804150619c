/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From options to GradcamModelOptions.
 */
#include "network.h"

#include <stdio.h>
#include <string.h>

const Option network_options[] = {
    { "labels", 0, "FILE",
      "names of the classes: a file with one per line, imagenet, or none (default: those in the "
      "model, of an .onnx file in its metadata; else imagenet for 1000 classes)" },
    { "preset", 0, "NAME",
      "how pixels become the network's input, by name: torchvision, caffe (BGR less their mean), tf "
      "(-1..1), unit (0..1) or none (0..255); instead of --mean, --std, --range and --color (default: as --mean)" },
    { "mean", 0, "A,B,C",
      "mean of each channel, in the network's own channel order, or of all (default: what the file, its graph "
      "or its producer tell, see gradcam info, else that of torchvision, for grey 0; 0 when --std or --range is "
      "given)" },
    { "std", 0, "A,B,C",
      "standard deviation of each channel, likewise (1 when --mean or --range is given)" },
    { "range", 0, "1|255",
      "mean and std are meant for pixels in 0..1 or in 0..255 (default: 255 where one of them is above 1, else 1)" },
    { "color", 0, "rgb|bgr", "channel order of the network (default: the model's, else rgb)" },
    { "size", 0, "WxH", "size of the picture where the model leaves it open, 1 to 8192 (default 224x224)" },
    { "states", 0, "IN=OUT,...",
      "inputs that are an output of the frame before, or none (default: the model's, else pairs of one shape "
      "and name, such as memory and memory_out)" },
    { "layer", 'l', "NAME",
      "layer to explain: tensor or node, see gradcam layers (default auto: the last one that "
      "still has rows and columns); a+b: the mean of the maps of several, last3: of the automatic one and "
      "the two stages before it" },
    { "logits", 0, "NAME",
      "tensor or node whose elements are the scores, or a part of one, as y[0,:,3] (default: the first output "
      "with one score for each class, before any softmax)" },
    { "memory", 0, "MB", "memory that the network may take to run, 1 to 1048576 (default 4096)" },
    { "no-mmap", 0, NULL, "read large files instead of mapping them into memory: then they may change meanwhile" },
    { 0 }
};

static const char *const colors[] = { "rgb", "bgr", NULL };
static const char *const ranges[] = { "1", "255", NULL };

static void set_three(float *out, const double *in, double factor)
{
    for (int c = 0; c < 3; c++)
        out[c] = (float)(in[c] * factor);
}

// Three numbers, or one for all channels.
static int read_channels(const Arguments *arguments, const char *name, double values[3])
{
    const char *text = option_value(arguments, name);
    const int count = text && !strpbrk(text, ",/") ? 1 : 3, status = option_numbers(arguments, name, values, count);

    for (int c = count; c < 3; c++)
        values[c] = values[0];
    return status;
}

static int read_preset(const Arguments *arguments, GradcamPreprocessing *p)
{
    const char *const others[] = { "mean", "std", "range", "color" };
    const char *name = option_value(arguments, "preset");
    const GradcamPreset *preset;

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (option_given(arguments, others[i]))
            return say_usage(arguments->command->name, "--preset and --%s exclude each other", others[i]);
    for (size_t i = 0; (preset = gradcam_preset_at(i)); i++)
        if (!strcmp(preset->name, name)) {
            *p = preset->preprocessing;
            return STATUS_OK;
        }
    return say_usage(arguments->command->name, "--preset is torchvision, caffe, tf, unit or none, not \"%s\"", name);
}

// *given tells whether there was any such option.
static int read_preprocessing(const Arguments *arguments, GradcamPreprocessing *p, int *given)
{
    const int numbers = option_given(arguments, "mean") || option_given(arguments, "std") ||
                        option_given(arguments, "range");
    double mean[3] = { 0.485, 0.456, 0.406 }, std[3] = { 0.229, 0.224, 0.225 };
    int range = 0, bgr = 0, status;

    *given = 1;
    if (option_given(arguments, "preset"))
        return read_preset(arguments, p);
    *given = numbers || option_given(arguments, "color");
    status = option_choice(arguments, "color", colors, &bgr);
    if (!status)
        status = option_choice(arguments, "range", ranges, &range);
    for (int c = 0; c < 3 && numbers; c++) {
        mean[c] = 0.0;
        std[c] = 1.0;
    }
    if (!numbers && bgr) {
        const double m = mean[0], s = std[0];
        mean[0] = mean[2], mean[2] = m;
        std[0] = std[2], std[2] = s;
    }
    if (!status)
        status = read_channels(arguments, "mean", mean);
    if (!status)
        status = read_channels(arguments, "std", std);
    for (int c = 0; c < 3 && numbers && !option_given(arguments, "range"); c++)
        range |= mean[c] > 1.0 || mean[c] < -1.0 || std[c] > 1.0;       // none that pixels in 0..1 have
    for (int c = 0; c < 3 && !status; c++) {
        if (std[c] <= 0.0)
            status = say_usage(arguments->command->name, "--std takes numbers above 0");
        else if (numbers && !range && (mean[c] > 1.0 || mean[c] < -1.0))
            status = say_usage(arguments->command->name,
                               "--mean %g does not fit pixels in 0..1, as --range 1 says", mean[c]);
    }
    set_three(p->mean, mean, range ? 1.0 : 255.0);
    set_three(p->std, std, range ? 1.0 : 255.0);
    p->bgr = bgr;
    return status;
}

static int read_size(const Arguments *arguments, int *width, int *height)
{
    const char *text = option_value(arguments, "size");
    char rest;

    if (!text)
        return STATUS_OK;
    if (sscanf(text, "%5dx%5d%c", width, height, &rest) != 2 || *width < 1 || *height < 1 || *width > 8192 ||
        *height > 8192)
        return say_usage(arguments->command->name,
                         "--size takes a width and a height like 224x224, not \"%s\"", text);
    return STATUS_OK;
}

int network_open(GradcamModel **model, const Arguments *arguments, const char *path, const char *layer, SayLog *log)
{
    GradcamPreprocessing preprocessing;
    GradcamModelOptions options = {
        .size = sizeof(options),
        .log = log->log,
        .labels = option_value(arguments, "labels"),
        .logits = option_value(arguments, "logits"),
        .layer = layer,
        .states = option_value(arguments, "states"),
        .copy = option_given(arguments, "no-mmap"),
    };
    char what[256];
    int given, megabytes = 0, status = read_preprocessing(arguments, &preprocessing, &given);

    *model = NULL;
    if (!status)
        status = read_size(arguments, &options.width, &options.height);
    if (!status)
        status = option_integer(arguments, "memory", 1, 1 << 20, &megabytes);
    options.memory = (size_t)megabytes << 20;
    if (status)
        return status;
    if (given)
        options.preprocessing = &preprocessing;
    int error = gradcam_model_open(model, path, &options);
    if (!error)
        return STATUS_OK;
    snprintf(what, sizeof(what), "cannot open %s", network_name(path));
    return say_library(log, error, what);
}

void network_warn(const GradcamModel *model, const char *path)
{
    const GradcamModelInfo *info = gradcam_model_info(model);

    if (!strcmp(info->preprocessing_source, "assumed"))
        say_warning("%s does not tell how pixels become its input, taken as %s; say it with --preset, or --mean "
                    "and --std", network_name(path), info->preprocessing_reason);
    else if (!strcmp(info->preprocessing_source, "graph"))
        say_note("pixels become the input of %s as %s", network_name(path), info->preprocessing_reason);
}

const char *network_name(const char *path)
{
    return path ? path : "the built-in network";
}

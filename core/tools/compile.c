/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam compile: an .onnx file with its labels and preprocessing becomes one .bin.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "digest.h"
#include "network.h"

static const Option options[] = {
    { "out", 'o', "FILE", "the .bin to write (required)" },
    { "weights", 0, "fp32|fp16",
      "how weights are stored; fp16 halves the file, maps change by up to 4 % of their "
      "highest value (default fp32)" },
    { "name", 0, "TEXT", "name of the network (default: the graph's)" },
    { "licence", 0, "TEXT", "licence of its weights, to be shown by gradcam info" },
    { 0 }
};

static int run_compile(const Arguments *arguments)
{
    static const char *const weights[] = { "fp32", "fp16", NULL };
    const char *in = arguments->argument[0], *out = option_value(arguments, "out");
    char found[PATH_MAX];
    GradcamCompileOptions compile = {
        .size = sizeof(compile),
        .name = option_value(arguments, "name"), .licence = option_value(arguments, "licence"),
    };
    GradcamModel *model;
    struct stat info;
    char what[256], digest[DIGEST_SIZE];
    SayLog log;
    int status;

    if (!out || !*out)
        return say_usage("compile", "-o is missing: the name of the .bin to write");
    status = option_choice(arguments, "weights", weights, &compile.fp16);
    if (status)
        return status;
    say_log_init(&log, 0);
    snprintf(what, sizeof(what), "reading %s ...", in);
    progress_stage(what);
    status = network_open(&model, arguments, in, option_value(arguments, "layer"), &log);
    if (status)
        return status;
    network_warn(model, in);
    if (!strcmp(gradcam_model_info(model)->format, "onnx")) {
        status = file_sha256(gradcam_model_find(in, found, sizeof(found)) ? in : found, digest);
        compile.source_sha256 = digest;
    }
    if (status) {
        gradcam_model_close(&model);
        return status;
    }
    snprintf(what, sizeof(what), "writing %s ...", out);
    progress_stage(what);
    int error = gradcam_model_compile(model, out, &compile, &log.log);
    progress_stage(NULL);
    snprintf(what, sizeof(what), "cannot write %s", out);
    if (error)
        status = say_library(&log, error, what);
    else if (!stat(out, &info))
        say_note("wrote %s, %.1f MB", out, info.st_size / 1e6);
    gradcam_model_close(&model);
    return status;
}

const Command command_compile = {
    .name = "compile",
    .summary = "make an .onnx file into a .bin: opens at once, holds labels and preprocessing",
    .usage = "IN.onnx -o OUT.bin [OPTION]...",
    .examples =
        "  gradcam compile resnet50.onnx -o resnet50.bin\n"
        "  gradcam compile vgg16.onnx -o vgg16.bin --weights fp16 --labels imagenet\n"
        "  gradcam compile vgg.onnx -o vgg.bin --color bgr --range 255 --mean 103.9,116.8,123.7\n",
    .options = { options, network_options },
    .least = 1,
    .most = 1,
    .run = run_compile,
};

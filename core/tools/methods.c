/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam methods: the ways to make a map, as the library's table has them. And the option that names one.
 */
#include "methods.h"

#include <stdio.h>

#include "json.h"

static const Option options[] = {
    { "json", 0, NULL, "print JSON" },
    { "quiet", 'q', NULL, "print the names, one a line, and nothing else" },
    { 0 }
};

static const char *const uses[] = { "video", "key frames", "stills" };

int method_read(const Arguments *arguments, GradcamMethod *method)
{
    SayLog log;

    say_log_init(&log, 0);
    if (gradcam_method_parse(method, option_value(arguments, "method"), &log.log))
        return say_usage(arguments->command->name, "--method: %s", log.error);
    return STATUS_OK;
}

static void print_option(const GradcamMethodOption *option)
{
    printf("    %s=", option->name);
    for (size_t i = 0; option->words && option->words[i]; i++)
        printf("%s%s", i ? "|" : "", option->words[i]);
    if (option->words)
        printf("  %s (default %s)\n", option->help, option->words[(size_t)option->standard]);
    else
        printf("%g..%g  %s (default %g)\n", option->least, option->most, option->help, option->standard);
}

static void print_method(const GradcamMethodInfo *info)
{
    printf("%s: %s\n    %s\n    %s\n    cost %s, for %s; a value for each %s%s\n", info->name, info->summary,
           info->formula, info->reference, info->cost, uses[info->use], info->of_pixels ? "pixel" : "cell of the layer",
           info->is_signed ? ", below 0 too" : "");
    for (size_t i = 0; i < info->options; i++)
        print_option(&info->option[i]);
}

static void write_option(Json *json, const GradcamMethodOption *option)
{
    json_open(json, NULL, '{');
    json_string(json, "name", option->name);
    json_string(json, "help", option->help);
    if (option->words) {
        json_open(json, "words", '[');
        for (size_t i = 0; option->words[i]; i++)
            json_string(json, NULL, option->words[i]);
        json_close(json, ']');
        json_string(json, "default", option->words[(size_t)option->standard]);
    } else {
        json_number(json, "default", option->standard);
        json_number(json, "least", option->least);
        json_number(json, "most", option->most);
    }
    json_close(json, '}');
}

static void write_method(Json *json, const GradcamMethodInfo *info)
{
    json_open(json, NULL, '{');
    json_string(json, "name", info->name);
    json_string(json, "summary", info->summary);
    json_string(json, "formula", info->formula);
    json_string(json, "reference", info->reference);
    json_string(json, "cost", info->cost);
    json_string(json, "use", uses[info->use]);
    json_string(json, "values", info->of_pixels ? "pixels" : "cells");
    json_integer(json, "signed", info->is_signed);
    json_open(json, "options", '[');
    for (size_t i = 0; i < info->options; i++)
        write_option(json, &info->option[i]);
    json_close(json, ']');
    json_close(json, '}');
}

static int run_methods(const Arguments *arguments)
{
    const int as_json = option_given(arguments, "json"), quiet = option_given(arguments, "quiet");
    const GradcamMethodInfo *info;
    Json json = { .out = stdout };

    if (as_json)
        json_open(&json, NULL, '[');
    for (size_t i = 0; (info = gradcam_method_at(i)); i++)
        if (as_json)
            write_method(&json, info);
        else if (quiet)
            puts(info->name);
        else
            print_method(info);
    if (as_json)
        json_close(&json, ']');
    return STATUS_OK;
}

const Command command_methods = {
    .name = "methods",
    .summary = "the ways to make a map: what each shows, its source, what it costs",
    .usage = "[OPTION]...",
    .examples = "  gradcam methods\n"
                "  gradcam explain dog.jpg --method hirescam -o overlay.png\n",
    .options = { options },
    .run = run_methods,
};

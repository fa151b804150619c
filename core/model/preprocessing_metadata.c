/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What those who write networks say in a file's metadata about its pixels:
 *
 *     Image.NominalPixelRange, Image.BitmapPixelFormat        Windows ML, Custom Vision
 *     names, stride, task                                     Ultralytics, whose networks take 0..1
 *     mean, std, color and the like, preset or preprocessing  whoever has a mind to
 *
 * Texts are not trusted: numbers that no pixels have tell nothing.
 */
#include "preprocessing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *find_any(const GcamGraph *graph, const char *const *keys, const char **key)
{
    for (; *keys; keys++) {
        const char *value = gcam_graph_metadata(graph, *keys);
        if (value && value[0]) {
            *key = *keys;
            return value;
        }
    }
    return NULL;
}

// Whether a text has a word, upper and lower case being the same.
static int has(const char *text, const char *word)
{
    const size_t length = strlen(word);
    for (; text && *text; text++)
        if (!strncasecmp(text, word, length))
            return 1;
    return 0;
}

static int is_bgr(const GcamGraph *graph)
{
    static const char *const keys[] = { "Image.BitmapPixelFormat", "color", "color_order", "channel_order",
                                        "color_space", "color_format", "input_color", "image_format", NULL };
    const char *key;
    return has(find_any(graph, keys, &key), "bgr");
}

// A decimal number at *at, which moves on; the decimal point is a point in every locale. 0 or -1: there is none.
static int take_number(const char **at, double *out)
{
    const char *c = *at;
    double value = 0, scale = 1, sign = *c == '-' ? -1 : 1;
    int digits = 0;
    c += *c == '-' || *c == '+';
    for (; *c >= '0' && *c <= '9'; c++, digits++)
        value = 10 * value + (*c - '0');
    if (*c == '.')
        for (c++; *c >= '0' && *c <= '9'; c++, digits++)
            value += (scale /= 10) * (*c - '0');
    if (!digits || digits > 40)
        return -1;
    if ((*c == 'e' || *c == 'E') && (c[1] == '-' || c[1] == '+' || (c[1] >= '0' && c[1] <= '9'))) {
        char *end;
        const long power = strtol(c + 1, &end, 10);
        value *= power > -40 && power < 40 ? pow(10, (double)power) : 0;
        c = end;
    }
    *out = sign * value;
    *at = c;
    return 0;
}

// "[0.485, 0.456, 0.406]", "0.5": three numbers, or one for all. 0 or -1.
static int read_numbers(const char *text, double out[3])
{
    static const char between[] = " \t\r\n,;/[](){}";
    int count = 0;
    for (text += strspn(text, between); *text; text += strspn(text, between)) {
        double number;
        if (count == 3 || take_number(&text, &number) < 0)
            return -1;
        out[count++] = number;
    }
    for (int i = 1; i < 3 && count == 1; i++)
        out[i] = out[0];
    return count == 1 || count == 3 ? 0 : -1;
}

// Numbers that are meant for pixels in 0..1 are brought to 0..255.
static int clue_numbers(GcamPreprocessingFound *found, const GcamGraph *graph)
{
    static const char *const means[] = { "mean", "input_mean", "image_mean", "img_mean", "pixel_mean", "norm_mean",
                                         "normalize_mean", NULL };
    static const char *const stds[] = { "std", "input_std", "image_std", "img_std", "pixel_std", "norm_std",
                                        "normalize_std", NULL };
    const char *mean_key = "", *std_key = "";
    const char *mean_text = find_any(graph, means, &mean_key), *std_text = find_any(graph, stds, &std_key);
    double mean[3] = { 0, 0, 0 }, std[3] = { 1, 1, 1 };
    if ((!mean_text && !std_text) || (mean_text && read_numbers(mean_text, mean)) ||
        (std_text && read_numbers(std_text, std)))
        return 0;
    int small = 1;
    for (int i = 0; i < 3; i++) {
        if (!(std[i] > 1e-3))
            return 0;
        small &= fabs(mean[i]) <= 1 && std[i] <= 1;
    }
    for (int i = 0; i < 3; i++) {
        found->preprocessing.mean[i] = (float)(mean[i] * (small ? 255 : 1));
        found->preprocessing.std[i] = (float)(std[i] * (small ? 255 : 1));
    }
    found->preprocessing.bgr = is_bgr(graph);
    if (gcam_preprocessing_check(&found->preprocessing, NULL))
        return 0;
    snprintf(found->reason, sizeof(found->reason), "its metadata has %s%s%s%s", mean_key,
             mean_text && std_text ? " and " : "", std_key, small ? ", for pixels in 0..1" : "");
    return 1;
}

static int clue_preset_name(GcamPreprocessingFound *found, const GcamGraph *graph)
{
    static const char *const keys[] = { "preset", "preprocessing", "preprocess", "normalization", NULL };
    static const struct { const char *name; int preset; } others[] = {
        { "imagenet", GCAM_PRESET_TORCHVISION }, { "inception", GCAM_PRESET_TF },
    };
    const char *key, *value = find_any(graph, keys, &key);
    const GradcamPreset *preset;
    int index = -1;
    for (int i = 0; value && (preset = gradcam_preset_at((size_t)i)); i++)
        index = strcasecmp(value, preset->name) ? index : i;
    for (size_t i = 0; value && i < sizeof(others) / sizeof(others[0]); i++)
        index = strcasecmp(value, others[i].name) ? index : others[i].preset;
    return index >= 0 && gcam_clue_preset(found, index, gradcam_preset_at((size_t)index)->preprocessing.bgr ||
                                          is_bgr(graph), "its metadata has %s '%.40s'", key, value);
}

static int clue_windows(GcamPreprocessingFound *found, const GcamGraph *graph)
{
    static const struct { const char *word; int preset; } ranges[] = {
        { "0_255", GCAM_PRESET_NONE }, { "Normalized_0_1", GCAM_PRESET_UNIT }, { "Normalized_1_1", GCAM_PRESET_TF },
    };
    const char *range = gcam_graph_metadata(graph, "Image.NominalPixelRange");
    const char *format = gcam_graph_metadata(graph, "Image.BitmapPixelFormat");
    for (size_t i = 0; range && i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (has(range, ranges[i].word))
            return gcam_clue_preset(found, ranges[i].preset, is_bgr(graph),
                                    "its metadata has Image.NominalPixelRange '%.40s'", range);
    return !range && format && gcam_clue_preset(found, GCAM_PRESET_NONE, is_bgr(graph),
                                                "its metadata has Image.BitmapPixelFormat '%.40s'", format);
}

static int clue_ultralytics(GcamPreprocessingFound *found, const GcamGraph *graph)
{
    const char *author = gcam_graph_metadata(graph, "author");
    return ((author && has(author, "ultralytics")) ||
            (gcam_graph_metadata(graph, "names") && gcam_graph_metadata(graph, "stride"))) &&
           gcam_clue_preset(found, GCAM_PRESET_UNIT, 0, "its metadata is that of Ultralytics");
}

int gcam_clue_metadata(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs)
{
    (void)inputs;
    return clue_numbers(found, graph) || clue_preset_name(found, graph) || clue_windows(found, graph) ||
           clue_ultralytics(found, graph);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Makes the tables of an overlay: for each component of a picture and each of 256 map levels the weight and
 * the colour in that component's own code values, so that blending never leaves the picture's format. The
 * conversion from sRGB to the picture's light (light.c) and to YUV is done in double and rounded once.
 */
#include <errno.h>
#include <math.h>

#include "gradcam_picture.h"
#include "base/enum_names.h"
#include "base/mem.h"
#include "base/sized.h"
#include "blend.h"
#include "color_matrix.h"
#include "light.h"

static int settings_valid(const GradcamOverlaySettings *s)
{
    if ((unsigned)s->colormap >= GCAM_COLORMAPS || (unsigned)s->blend > GRADCAM_BLEND_FLAT ||
        (unsigned)s->output > GRADCAM_OUTPUT_MASK || (unsigned)s->model > GRADCAM_COLOR_GRAY ||
        (unsigned)s->matrix > GRADCAM_MATRIX_YCGCO || (unsigned)s->upsample >= GCAM_UPSAMPLES ||
        (unsigned)s->transfer >= GCAM_TRANSFERS || (unsigned)s->primaries >= GCAM_PRIMARIES)
        return 0;
    if (!(s->opacity >= 0.0f && s->opacity <= 1.0f) || !(s->gamma > 0.0f && isfinite(s->gamma)) ||
        !(s->threshold >= 0.0f && s->threshold <= 1.0f))
        return 0;
    for (int c = 0; c < (s->model == GRADCAM_COLOR_GRAY ? 1 : 3); c++)
        if (s->depth[c] < 8 || s->depth[c] > 16)
            return 0;
    return 1;
}

static void fill_defaults(GradcamOverlaySettings *s)
{
    if (s->gamma == 0 && s->opacity == 0)
        s->opacity = 0.6f;
    if (s->gamma == 0)
        s->gamma = 1;
    for (int c = 0; c < 3; c++)
        s->depth[c] = s->depth[c] ? s->depth[c] : 8;
}

// Value of component c to its code of `depth` bits.
static uint16_t to_code(const GradcamOverlaySettings *s, int c, double value)
{
    const int depth = s->depth[c];
    const double most = (1 << depth) - 1, unit = 1 << (depth - 8);
    const int chroma = s->model == GRADCAM_COLOR_YUV && c > 0;
    double code;

    if (s->model == GRADCAM_COLOR_RGB || s->full_range)
        code = most * value + (chroma ? 128.0 * unit : 0.0);
    else
        code = chroma ? (224.0 * value + 128.0) * unit : (219.0 * value + 16.0) * unit;
    return (uint16_t)lrint(fmin(fmax(code, 0.0), most));
}

// Of two-sided levels, those just beside the middle count as it: it is between two of them.
double gcam_overlay_magnitude(const GradcamOverlaySettings *s, int level)
{
    if (!s->two_sided)
        return level / 255.0;
    return level > 127 ? (level - 127) / 128.0 : (127 - level) / 127.0;
}

static int is_below_threshold(const GradcamOverlaySettings *s, int level)
{
    return s->two_sided ? gcam_overlay_magnitude(s, level) < s->threshold : level < 255 * s->threshold;
}

double gcam_overlay_weight(const GradcamOverlaySettings *s, int level)
{
    if (is_below_threshold(s, level))
        return 0.0;
    return s->blend == GRADCAM_BLEND_FLAT ? s->opacity : s->opacity * pow(gcam_overlay_magnitude(s, level), s->gamma);
}

static double find_weight(const GradcamOverlaySettings *s, int level)
{
    return s->output != GRADCAM_OUTPUT_OVERLAY ? 1.0 : gcam_overlay_weight(s, level);
}

static void set_entry(GcamBlendTable *table, int level, int depth, double weight, uint16_t color)
{
    const long w = depth > GCAM_BLEND_DEPTH ? lrint(weight * 65535.0) : lrint(fmin(weight * 32768.0, 32767.0));

    table->weight[level] = (uint16_t)w;
    table->weight_low[level] = w & 0xff;
    table->weight_high[level] = (uint8_t)(w >> 8);
    table->color[level] = color;
    table->both[level] = (uint32_t)color << 16 | (uint32_t)w;
    table->color_low[level] = color & 0xff;
    table->color_high[level] = color >> 8;
}

// What turns R, G, B into the components of a picture that is not RGB itself.
static void find_matrix(const GradcamOverlaySettings *s, double to_yuv[3][3])
{
    gcam_color_matrix_from_rgb(s->model == GRADCAM_COLOR_GRAY ? GRADCAM_MATRIX_BT601 : s->matrix, to_yuv);
}

// The codes of a colour, sRGB of 8 bits, by component of the picture.
static void find_codes(const GradcamOverlaySettings *s, double to_yuv[3][3], const uint8_t color[3], uint16_t code[3])
{
    double rgb[3] = { color[0] / 255.0, color[1] / 255.0, color[2] / 255.0 };

    if (gcam_light_differs(s->transfer, s->primaries)) {
        const double srgb[3] = { rgb[0], rgb[1], rgb[2] };
        gcam_light_encode(s->transfer, s->primaries, srgb, rgb);
    }
    for (int c = 0; c < (s->model == GRADCAM_COLOR_GRAY ? 1 : 3); c++) {
        const double *m = to_yuv[c];
        code[c] = to_code(s, c, s->model == GRADCAM_COLOR_RGB ? rgb[c] : m[0] * rgb[0] + m[1] * rgb[1] + m[2] * rgb[2]);
    }
}

// An entry of the tables; its colours are those of level `seen`.
static void fill_level(GradcamOverlay *overlay, double to_yuv[3][3], const uint8_t color[3], int seen, int level)
{
    const GradcamOverlaySettings *s = &overlay->settings;
    const uint8_t gray[3] = { (uint8_t)seen, (uint8_t)seen, (uint8_t)seen };
    uint16_t code[3];

    find_codes(s, to_yuv, s->output == GRADCAM_OUTPUT_MASK ? gray : color, code);
    for (int c = 0; c < overlay->components; c++)
        set_entry(&overlay->table[c], level, s->depth[c], find_weight(s, level), code[c]);
}

int gcam_overlay_code(const GradcamOverlaySettings *given, int gray, uint16_t code[3])
{
    const uint8_t color[3] = { (uint8_t)gray, (uint8_t)gray, (uint8_t)gray };
    GradcamOverlaySettings s;
    double to_yuv[3][3];

    GCAM_TAKE(s, given);
    fill_defaults(&s);
    if (!given || !settings_valid(&s))
        return -EINVAL;
    find_matrix(&s, to_yuv);
    find_codes(&s, to_yuv, color, code);
    return 0;
}

int gradcam_overlay_create(GradcamOverlay **out, const GradcamOverlaySettings *given)
{
    GradcamOverlaySettings own;
    const GradcamOverlaySettings *settings = &own;
    double to_yuv[3][3];

    *out = NULL;
    GCAM_TAKE(own, given);
    fill_defaults(&own);
    if (!given || !settings_valid(settings))
        return -EINVAL;
    GradcamOverlay *overlay = gcam_calloc(1, sizeof(*overlay));
    if (!overlay)
        return -ENOMEM;
    const uint8_t (*colors)[3] = settings->table ? settings->table : gradcam_colormap_table(settings->colormap);
    overlay->settings = *settings;
    overlay->settings.table = NULL;     // the caller's, who may change it from now on
    overlay->components = settings->model == GRADCAM_COLOR_GRAY ? 1 : 3;
    find_matrix(settings, to_yuv);
    for (int level = 0; level < 256; level++) {
        const int seen = is_below_threshold(settings, level) ? (int)gcam_overlay_middle(settings) : level;
        fill_level(overlay, to_yuv, colors[seen], seen, level);
    }
    overlay->skip_zero = overlay->table[0].weight[0] == 0;
    *out = overlay;
    return 0;
}

void gradcam_overlay_free(GradcamOverlay **overlay)
{
    if (!overlay)
        return;
    gcam_free(*overlay);
    *overlay = NULL;
}

static const char *const output_names[GCAM_OUTPUTS] = { "overlay", "heatmap", "mask", "side", "alpha" };

const char *gradcam_output_name(enum GradcamOutput output)
{
    return (unsigned)output < GCAM_OUTPUTS ? output_names[output] : NULL;
}

int gradcam_output_find(const char *name)
{
    return gcam_enum_find(output_names, GCAM_OUTPUTS, name);
}

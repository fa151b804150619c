/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Colour maps: tables of 256 colours, 8-bit R, G, B, made once on first use. jet, hot, gray and bwr follow their
 * formulas; the others are straight lines between the knots of colormap_knots.h, within one code value of
 * their originals.
 *
 * Origins. turbo: Anton Mikhailov, Google, 2019, Apache 2.0. viridis, inferno, magma, plasma: Stefan van
 * der Walt, Nathaniel Smith and (viridis) Eric Firing for matplotlib, 2015, CC0. cividis: Jamie Nunez,
 * Christopher Anderton, Ryan Renslow, PLoS ONE 13(7), 2018, CC BY 4.0; in matplotlib under its own licence.
 * jet: the usual formula, clip(1.5 - |4 v - c|, 0, 1) with c = 3, 2, 1 for R, G, B, which is also OpenCV's
 * table. hot: that of MATLAB, clip(8 v / 3), clip(8 v / 3 - 1), clip(4 v - 3). bwr: that of
 * matplotlib, straight lines from blue to white to red. The palette: Masataka Okabe
 * and Kei Ito, Color Universal Design, 2002, in an order that sets early colours far apart.
 */
#include <math.h>
#include <pthread.h>

#include "base/enum_names.h"
#include "gradcam_picture.h"
#include "colormap_knots.h"

typedef uint8_t Table[256][3];

static Table tables[GCAM_COLORMAPS];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void fill_knots(Table table, const uint8_t (*knots)[4], size_t count)
{
    for (size_t k = 0; k + 1 < count; k++) {
        const int start = knots[k][0], length = knots[k + 1][0] - start;
        for (int i = 0; i <= length; i++)
            for (int c = 0; c < 3; c++) {
                int sum = knots[k][1 + c] * (length - i) + knots[k + 1][1 + c] * i;
                table[start + i][c] = (2 * sum + length) / (2 * length);
            }
    }
}

static uint8_t to_byte(double v)
{
    return (uint8_t)lrint(255.0 * fmin(fmax(v, 0.0), 1.0));
}

static void fill_formulas(Table jet, Table hot, Table gray, Table bwr)
{
    for (int i = 0; i < 256; i++) {
        const double v = i / 255.0;
        for (int c = 0; c < 3; c++) {
            jet[i][c] = to_byte(1.5 - fabs(4.0 * v - (3 - c)));
            gray[i][c] = i;
        }
        hot[i][0] = to_byte(8.0 / 3.0 * v);
        hot[i][1] = to_byte(8.0 / 3.0 * v - 1.0);
        hot[i][2] = to_byte(4.0 * v - 3.0);
        bwr[i][0] = to_byte(2.0 * v);
        bwr[i][1] = to_byte(2.0 * fmin(v, 1.0 - v));
        bwr[i][2] = to_byte(2.0 - 2.0 * v);
    }
}

static void fill_tables(void)
{
#define KNOTS(id, name) fill_knots(tables[id], knots_##name, sizeof(knots_##name) / sizeof(knots_##name[0]))
    KNOTS(GRADCAM_COLORMAP_TURBO, turbo);
    KNOTS(GRADCAM_COLORMAP_VIRIDIS, viridis);
    KNOTS(GRADCAM_COLORMAP_INFERNO, inferno);
    KNOTS(GRADCAM_COLORMAP_MAGMA, magma);
    KNOTS(GRADCAM_COLORMAP_PLASMA, plasma);
    KNOTS(GRADCAM_COLORMAP_CIVIDIS, cividis);
#undef KNOTS
    fill_formulas(tables[GRADCAM_COLORMAP_JET], tables[GRADCAM_COLORMAP_HOT], tables[GRADCAM_COLORMAP_GRAY],
                  tables[GRADCAM_COLORMAP_BWR]);
}

const uint8_t (*gradcam_colormap_table(enum GradcamColormap colormap))[3]
{
    if ((unsigned)colormap >= GCAM_COLORMAPS)
        return NULL;
    pthread_once(&tables_once, fill_tables);
    return (const uint8_t (*)[3])tables[colormap];
}

static const char *const names[GCAM_COLORMAPS] = {
    "turbo", "jet", "viridis", "inferno", "magma", "plasma", "cividis", "hot", "gray", "bwr",
};

const char *gradcam_colormap_name(enum GradcamColormap colormap)
{
    return (unsigned)colormap < GCAM_COLORMAPS ? names[colormap] : NULL;
}

int gradcam_colormap_find(const char *name)
{
    return gcam_enum_find(names, GCAM_COLORMAPS, name);
}

enum GradcamColormap gradcam_colormap_for(const GradcamMethodInfo *method)
{
    return method && method->is_signed ? GRADCAM_COLORMAP_BWR : GRADCAM_COLORMAP_TURBO;
}

const uint8_t *gradcam_palette(size_t index)
{
    static const uint8_t colors[][3] = {
        { 213, 94, 0 },         // vermillion
        { 86, 180, 233 },       // sky blue
        { 240, 228, 66 },       // yellow
        { 0, 158, 115 },        // bluish green
        { 204, 121, 167 },      // reddish purple
        { 0, 114, 178 },        // blue
        { 230, 159, 0 },        // orange
        { 0, 0, 0 },
    };

    return colors[index % (sizeof(colors) / sizeof(colors[0]))];
}

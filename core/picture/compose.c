/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a picture, the maps of one or more classes, a look. Out: the picture with the maps on it.
 *
 * What is seen is made in passes, each an overlay with colours of its own: a single one where all classes share a
 * colormap, else one for each class; one more writes the alpha. Overlays are kept while they fit.
 */
#include "gradcam_picture.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/sized.h"
#include "base/enum_names.h"
#include "blend.h"
#include "several.h"

enum Colors {
    COLORS_MAP,                 // the look's own: a colormap or a table
    COLORS_ONE,                 // one colour
    COLORS_RAMP,                // from black to that colour
    COLORS_WEIGHT,              // the weight as grey, for alpha
};

// What an overlay is made for. Looks are compared byte by byte, so that nothing may lie between their fields.
typedef struct Look {
    GradcamOverlaySettings settings;    // without a table
    int colors, own_table;
    uint8_t color[3];
    uint8_t table[256][3];
} Look;

_Static_assert(sizeof(GradcamOverlaySettings) == sizeof(size_t) + sizeof(void *) + 13 * sizeof(int) + 3 * sizeof(float),
               "gaps between fields");

typedef struct Pass {
    Look look;
    GradcamOverlay *overlay;
    const float *map;
    int alpha;                  // paints the alpha, not the picture
} Pass;

struct GradcamDrawing {
    Pass *pass;
    size_t room, used;          // passes there is room for, passes of the picture under way
    float *map;                 // joined and parted maps
    size_t floats;              // there is room for
    int width, height;          // of the maps
};

int gradcam_drawing_create(GradcamDrawing **out)
{
    *out = gcam_calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void gradcam_drawing_free(GradcamDrawing **drawing)
{
    if (!drawing || !*drawing)
        return;
    for (size_t i = 0; i < (*drawing)->room; i++)
        gradcam_overlay_free(&(*drawing)->pass[i].overlay);
    gcam_free((*drawing)->pass);
    gcam_free((*drawing)->map);
    gcam_free(*drawing);
    *drawing = NULL;
}

const uint8_t *gradcam_drawing_color(const GradcamDrawingSettings *settings, size_t index, size_t count)
{
    if (settings->colors)
        return settings->color[index % settings->colors];
    return settings->one_colormap || count < 2 ? NULL : gradcam_palette(index);
}

// ------------------------------------------------------------------------------------------------------------ memory

// Room for that many floats at drawing->map; what was there is lost.
static float *make_room(GradcamDrawing *drawing, size_t maps, size_t size)
{
    size_t floats = 0;
    if (gcam_mul(maps, size, &floats))
        return NULL;
    if (floats > drawing->floats) {
        gcam_free(drawing->map);
        drawing->map = gcam_alloc(floats, sizeof(*drawing->map));
        drawing->floats = drawing->map ? floats : 0;
    }
    return drawing->map;
}

static int make_passes(GradcamDrawing *drawing, size_t count)
{
    if (count <= drawing->room)
        return 0;
    Pass *pass = gcam_calloc(count, sizeof(*pass));
    if (!pass)
        return -ENOMEM;
    if (drawing->room)
        memcpy(pass, drawing->pass, drawing->room * sizeof(*pass));
    gcam_free(drawing->pass);
    drawing->pass = pass;
    drawing->room = count;
    return 0;
}

// ------------------------------------------------------------------------------------------------------------ passes

static void fill_table(const Look *look, uint8_t table[256][3])
{
    const GradcamOverlaySettings *s = &look->settings;
    for (int i = 0; i < 256; i++) {
        double m = gcam_overlay_magnitude(s, i), w = gcam_overlay_weight(s, i);
        for (int c = 0; c < 3; c++) {
            double v = look->colors == COLORS_WEIGHT ? 255 * w
                     : look->colors == COLORS_RAMP ? look->color[c] * m : look->color[c];
            table[i][c] = (uint8_t)lrint(v);
        }
    }
}

// One more pass, in this look.
static int add_pass(GradcamDrawing *drawing, const Look *look, const float *map)
{
    Pass *pass = &drawing->pass[drawing->used];
    pass->map = map;
    pass->alpha = look->colors == COLORS_WEIGHT;
    if (!pass->overlay || memcmp(look, &pass->look, sizeof(*look))) {
        GradcamOverlaySettings settings = look->settings;
        uint8_t table[256][3];
        gradcam_overlay_free(&pass->overlay);
        pass->look = *look;
        if (look->colors != COLORS_MAP)
            fill_table(look, table);
        if (look->colors != COLORS_MAP || look->own_table)
            settings.table = look->colors == COLORS_MAP ? pass->look.table : (const uint8_t (*)[3])table;
        int error = gradcam_overlay_create(&pass->overlay, &settings);
        if (error)
            return error;
    }
    drawing->used++;
    return 0;
}

static void start_look(Look *look, const GradcamOverlaySettings *from)
{
    GradcamOverlaySettings *s = &look->settings;
    memset(look, 0, sizeof(*look));
    *s = *from;
    s->table = NULL;
    if (s->output == GRADCAM_OUTPUT_SIDE || s->output == GRADCAM_OUTPUT_ALPHA)
        s->output = s->output == GRADCAM_OUTPUT_SIDE ? GRADCAM_OUTPUT_OVERLAY : GRADCAM_OUTPUT_HEATMAP;
    if (from->table) {
        look->own_table = 1;
        memcpy(look->table, from->table, sizeof(look->table));
    }
}

// From the second pass on of outputs that do not have the picture under them: as the map has it.
static void set_plain(GradcamOverlaySettings *settings)
{
    settings->output = GRADCAM_OUTPUT_OVERLAY;
    settings->blend = GRADCAM_BLEND_HEAT;
    settings->opacity = 1;
    settings->gamma = 1;
    settings->threshold = 0;
}

// A pass for each class. There is room for 1 + count maps at drawing->map, whose first becomes the joined one.
static int plan_classes(GradcamDrawing *drawing, const GradcamDrawingSettings *settings, Look look, const float *maps,
                        size_t count, size_t size)
{
    float *joined = drawing->map, *own = joined + size;
    look.settings.two_sided = 0;        // a single colour has one side: what is above 0
    if (settings->overlay->output == GRADCAM_OUTPUT_ALPHA) {
        gradcam_maps_join(maps, count, size, joined);
        gcam_maps_share(maps, count, size, own);
    } else {
        gcam_maps_part(maps, count, size, own);
    }
    look.colors = settings->overlay->output == GRADCAM_OUTPUT_HEATMAP ? COLORS_RAMP : COLORS_ONE;
    for (size_t i = 0; i < count; i++) {
        memcpy(look.color, gradcam_drawing_color(settings, i, count), 3);
        int error = add_pass(drawing, &look, own + i * size);
        if (error)
            return error;
        if (look.settings.output != GRADCAM_OUTPUT_OVERLAY) {
            look.colors = COLORS_ONE;
            set_plain(&look.settings);
        }
    }
    return 0;
}

// One pass for all classes, of the joined maps at drawing->map.
static int plan_joined(GradcamDrawing *drawing, const Look *look, const float *maps, size_t count, size_t size)
{
    if (look->settings.two_sided)
        gcam_maps_join_sides(maps, count, size, drawing->map);
    else
        gradcam_maps_join(maps, count, size, drawing->map);
    return add_pass(drawing, look, drawing->map);
}

// The pass that writes the weights of the joined maps.
static int plan_alpha(GradcamDrawing *drawing, Look look, int depth)
{
    look.colors = COLORS_WEIGHT;
    look.own_table = 0;
    look.settings.model = GRADCAM_COLOR_GRAY;
    look.settings.full_range = 1;
    look.settings.transfer = GRADCAM_TRANSFER_SDR;      // weights are no light
    look.settings.primaries = GRADCAM_PRIMARIES_BT709;
    look.settings.depth[0] = depth;
    look.settings.depth[1] = look.settings.depth[2] = 0;
    return add_pass(drawing, &look, drawing->map);
}

int gradcam_drawing_prepare(GradcamDrawing *drawing, const GradcamDrawingSettings *given, const float *maps,
                            size_t count, int map_width, int map_height)
{
    GradcamDrawingSettings own;
    GradcamOverlaySettings overlay;
    const GradcamDrawingSettings *settings = &own;
    GCAM_TAKE(own, given);
    GCAM_TAKE(overlay, own.overlay);
    own.overlay = &overlay;
    drawing->used = 0;
    if (!count || map_width < 1 || map_height < 1 || (unsigned)overlay.output >= GCAM_OUTPUTS)
        return -EINVAL;
    const int alpha = overlay.output == GRADCAM_OUTPUT_ALPHA;
    const int each = gradcam_drawing_color(settings, 0, count) && overlay.output != GRADCAM_OUTPUT_MASK;
    const size_t size = (size_t)map_width * map_height;
    Look look;
    int error = make_passes(drawing, (each ? count : 1) + alpha);
    if (error)
        return error;
    if (!make_room(drawing, 1 + count, size))
        return -ENOMEM;
    start_look(&look, &overlay);
    drawing->width = map_width;
    drawing->height = map_height;
    error = each ? plan_classes(drawing, settings, look, maps, count, size)
                 : plan_joined(drawing, &look, maps, count, size);
    if (!error && alpha)
        error = plan_alpha(drawing, look, settings->alpha_depth);
    if (error)
        drawing->used = 0;
    return error;
}

int gradcam_drawing_run(const GradcamDrawing *drawing, const GradcamPicture *picture, const GradcamComponent *alpha,
                        const GradcamRegion *region, int slice, int slices)
{
    int error = drawing->used ? 0 : -EINVAL;
    for (size_t i = 0; !error && i < drawing->used; i++) {
        const Pass *pass = &drawing->pass[i];
        if (pass->alpha && !alpha)
            return -EINVAL;
        const GradcamComponent *only = pass->alpha ? alpha : &picture->component[0];
        const GradcamPicture gray = { picture->width, picture->height, { *only } };
        error = gradcam_overlay_blend(pass->overlay, pass->alpha ? &gray : picture, pass->map, drawing->width,
                                      drawing->height, region, slice, slices);
    }
    return error;
}

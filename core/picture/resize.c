/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a picture of any format that overlays take. Out: 8-bit RGB or grey of another size, bilinear; where it
 * shrinks, the triangle is stretched to cover all samples that fall into one pixel (antialiasing), as Pillow
 * and torchvision do.
 *
 * Each component is resized by itself, rows first: a row of the output is a weighted sum of whole rows of the
 * input, whatever lies in them. So interleaved components cost nothing extra: only the second step, a weighted
 * sum along the row, tells them apart. Colours come last, on few pixels, with a single rounding to 8 bits; those of HDR
 * and of wide gamuts by way of light.c.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>

#include "base/enum_names.h"
#include "base/mem.h"
#include "base/sized.h"
#include "color_matrix.h"
#include "gradcam_picture.h"
#include "kernels/kernels.h"
#include "light.h"
#include "picture.h"

#define MAX_SIZE    32768       // samples of input and output, along each side
#define MAX_STEP    64          // bytes
#define MAX_SCALE   64          // input samples per output sample of which all are weighed; of more, some

// One side of a component.
typedef struct Side {
    double origin, pitch;       // centre of output i, in samples: origin + (i + 0.5) * pitch
    int size;                   // samples
    int begin, end;             // outputs
} Side;

// A component's part of the work.
typedef struct Track {
    GcamResizeTaps rows;        // `taps` is the room for each; rows that are weighed lie row_spacing apart
    int *row_count;             // of each output
    int row_spacing;
    GcamResizeTaps columns;     // in samples of all components that share the row
    int low, high;              // these samples are read
} Track;

// Components whose samples share their rows.
typedef struct Group {
    const uint8_t *data;        // of the first row, where its first sample that is read lies
    ptrdiff_t stride;
    int samples;
    int offset[3];              // of each component's first sample from `data`, in samples
    int members;                // a bit for each component
} Group;

struct GradcamResizer {
    GradcamPicture picture;     // sizes and layout
    int components;             // that are read
    int samples;                // of a pixel of the output
    int begin_x, end_x, begin_y, end_y;         // outputs inside of the picture
    Track track[3];
    GcamResizeColor color;
    GcamLightTables *light;     // NULL: what `color` gives is the output. Else it is the codes of these:
    double scale[3][3], offset[3];      // code of R, G, B i: offset[i] + sum over c of scale[i][c] * line[c]
    int16_t *weighed;           // a row of a group
    int16_t *line[3];           // the same with columns weighed, by component
    const uint8_t **row;
};

// ------------------------------------------------------------------------------------------------- weights

// Weights of the samples first, first + spacing, ..., which sum up to `one`; none is 0. Returns how many.
static int find_weights(const Side *side, int i, int spacing, int one, uint16_t *weight, int *first)
{
    const double scale = fmax(side->pitch, 1.0);
    const double center = fmin(fmax(side->origin + (i + 0.5) * side->pitch, 0.0), side->size);
    const int begin = (int)fmax(ceil(center - scale - 0.5), 0.0);
    const int end = (int)fmin(floor(center + scale - 0.5), side->size - 1.0);
    double total = 0.0, sum = 0.0;
    int count = 0, given = 0;

    for (int k = begin; k <= end; k += spacing)
        total += fmax(1.0 - fabs((k + 0.5 - center) / scale), 0.0);
    *first = begin;
    for (int k = begin; k <= end; k += spacing) {
        sum += fmax(1.0 - fabs((k + 0.5 - center) / scale), 0.0);
        const int until = (int)lrint(sum / total * one);
        if (until > given)
            weight[count++] = (uint16_t)(until - given);
        else if (!count)
            *first = k + spacing;
        given = until;
    }
    return count;
}

static int find_spacing(const Side *side)
{
    return (int)ceil(fmax(side->pitch, 1.0) / MAX_SCALE);
}

// Samples that the weights of one output may span.
static int find_room(const Side *side)
{
    return (int)ceil(2.0 * fmax(side->pitch, 1.0)) + 1;
}

static void taps_free(GcamResizeTaps *taps)
{
    gcam_free(taps->first);
    gcam_free(taps->weight);
}

static int taps_alloc(GcamResizeTaps *taps, int count, int room)
{
    *taps = (GcamResizeTaps){ count, room, gcam_calloc(count, sizeof(*taps->first)),
                              gcam_calloc((size_t)count * room, sizeof(*taps->weight)) };
    return taps->first && taps->weight ? 0 : -ENOMEM;
}

static int make_rows(Track *track, const Side *side)
{
    const int count = side->end - side->begin, room = find_room(side) / find_spacing(side) + 1;

    track->row_spacing = find_spacing(side);
    track->row_count = gcam_calloc(count, sizeof(*track->row_count));
    if (!track->row_count || taps_alloc(&track->rows, count, room))
        return -ENOMEM;
    for (int i = 0; i < count; i++)
        track->row_count[i] = find_weights(side, side->begin + i, track->row_spacing, GCAM_RESIZE_ROW_ONE,
                                           track->rows.weight + (size_t)i * room, &track->rows.first[i]);
    return 0;
}

static int round_up(int n, int unit)
{
    return (n + unit - 1) / unit * unit;
}

// step: samples of the row from one of the component to the next.
static int make_columns(Track *track, const Side *side, int step)
{
    const int count = side->end - side->begin, spacing = find_spacing(side);
    const int room = round_up(find_room(side) * step, GCAM_RESIZE_LANES);
    GcamResizeTaps *taps = &track->columns;
    uint16_t *weight = gcam_alloc(find_room(side), sizeof(*weight));

    if (!weight || taps_alloc(taps, round_up(count, GCAM_RESIZE_LANES), room)) {
        gcam_free(weight);
        return -ENOMEM;
    }
    for (int i = 0; i < count; i++) {
        int first, found = find_weights(side, side->begin + i, spacing, 1 << GCAM_RESIZE_COLUMN_BITS, weight, &first);
        for (int k = 0; k < found; k++)
            taps->weight[(size_t)i * room + (size_t)k * spacing * step] = weight[k];
        taps->first[i] = first * step;
        track->low = !i || first * step < track->low ? first * step : track->low;
        track->high = (int)fmax(track->high, (first + (found - 1) * spacing) * step + 1);
    }
    for (int i = count; i < taps->count; i++)
        taps->first[i] = track->low;
    gcam_free(weight);
    return 0;
}

// ------------------------------------------------------------------------------------------------- colours

// Of component c: its code is a + value * b, where value is in 0..1, or in -0.5..0.5 for chroma.
static void find_range(const GradcamResizerSettings *s, int c, double *a, double *b)
{
    const int depth = s->picture.component[c].depth, chroma = s->model == GRADCAM_COLOR_YUV && c > 0;
    const double unit = 1 << (depth - 8), most = (1 << depth) - 1;

    if (s->model == GRADCAM_COLOR_RGB || s->full_range) {
        *a = chroma ? 128.0 * unit : 0.0;
        *b = most;
    } else {
        *a = (chroma ? 128.0 : 16.0) * unit;
        *b = (chroma ? 224.0 : 219.0) * unit;
    }
}

// Codes of R, G, B, 0..1, from lines: all of them are the first component's where there is one.
static int make_light(GradcamResizer *resizer, const GradcamResizerSettings *s)
{
    double m[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };

    if (!gcam_light_differs(s->transfer, s->primaries))
        return 0;
    if (s->model == GRADCAM_COLOR_YUV)
        gcam_color_matrix_to_rgb(s->matrix, m);
    for (int i = 0; i < 3; i++)
        for (int c = 0; c < resizer->components; c++) {
            const double weight = resizer->components == 1 ? 1.0 : m[i][c];
            double a, b;
            find_range(s, c, &a, &b);
            resizer->scale[i][c] = ldexp(weight / b, s->picture.component[c].depth - 15);
            resizer->offset[i] -= weight * a / b;
        }
    return gcam_light_tables_create(&resizer->light, s->transfer, s->primaries);
}

static void make_color(GradcamResizer *resizer, const GradcamResizerSettings *s)
{
    double m[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };
    const double one = 1 << GCAM_RESIZE_COLOR_BITS;

    if (s->model == GRADCAM_COLOR_YUV && !s->gray)
        gcam_color_matrix_to_rgb(s->matrix, m);
    else if (s->model == GRADCAM_COLOR_RGB && s->gray)
        gcam_color_matrix_from_rgb(GRADCAM_MATRIX_BT601, m);
    for (int i = 0; i < resizer->samples; i++) {
        double offset = 0.5;
        for (int c = 0; c < resizer->components; c++) {
            const double weight = resizer->components == 1 ? 1.0 : m[i][c];
            double a, b;
            find_range(s, c, &a, &b);
            offset -= 255.0 * weight * a / b;
            resizer->color.scale[i][c] =
                (int16_t)lrint(ldexp(255.0 * weight / b * one, s->picture.component[c].depth - 15));
        }
        resizer->color.offset[i] = (int32_t)lrint(offset * one);
    }
}

// ------------------------------------------------------------------------------------------------- settings

static int settings_valid(const GradcamResizerSettings *s)
{
    if ((unsigned)s->model > GRADCAM_COLOR_GRAY || (unsigned)s->matrix > GRADCAM_MATRIX_YCGCO ||
        s->picture.width < 1 || s->picture.height < 1 || s->picture.width > MAX_SIZE ||
        s->picture.height > MAX_SIZE || s->width < 1 || s->height < 1 || s->width > MAX_SIZE ||
        s->height > MAX_SIZE || (unsigned)s->transfer >= GCAM_TRANSFERS || (unsigned)s->primaries >= GCAM_PRIMARIES ||
        !gcam_region_valid(&s->region) || !(fabs(s->chroma_x) <= MAX_STEP) ||
        !(fabs(s->chroma_y) <= MAX_STEP))
        return 0;
    for (int c = 0; c < (s->model == GRADCAM_COLOR_GRAY ? 1 : 3); c++) {
        const GradcamComponent *k = &s->picture.component[c];
        if (!gcam_component_valid(k) || k->step > MAX_STEP || k->width > s->picture.width ||
            k->height > s->picture.height)
            return 0;
    }
    return 1;
}

// Pixels from one sample to the next: a power of two, of which the last may be cut off by the picture's edge.
static double find_distance(int pixels, int samples)
{
    int distance = 1;

    while ((pixels + distance - 1) / distance > samples)
        distance *= 2;
    return (pixels + distance - 1) / distance == samples ? distance : (double)pixels / samples;
}

// shift: of subsampled components, in pixels.
static Side make_side(int pixels, int samples, double begin, double length, int outputs, double shift)
{
    const double per_output = length / outputs, distance = find_distance(pixels, samples);
    Side side = { (begin - (samples < pixels ? shift : 0.0)) / distance, per_output / distance, samples, 0, 0 };

    side.begin = (int)fmin(fmax(ceil(-begin / per_output - 0.5), 0.0), outputs);
    side.end = (int)fmin(fmax(ceil((pixels - begin) / per_output - 0.5), side.begin), outputs);
    return side;
}

static int make_track(GradcamResizer *resizer, const GradcamResizerSettings *s, int c)
{
    const GradcamPicture *p = &s->picture;
    const GradcamComponent *k = &p->component[c];
    Track *track = &resizer->track[c];
    const Side x = make_side(p->width, k->width, s->region.x, s->region.width, s->width, s->chroma_x);
    const Side y = make_side(p->height, k->height, s->region.y, s->region.height, s->height, s->chroma_y);

    resizer->begin_x = x.begin;
    resizer->end_x = x.end;
    resizer->begin_y = y.begin;
    resizer->end_y = y.end;
    if (x.begin == x.end || y.begin == y.end)
        return 0;
    return make_rows(track, &y) || make_columns(track, &x, k->step / (k->depth > 8 ? 2 : 1)) ? -ENOMEM : 0;
}

// What a run needs besides.
static int make_scratch(GradcamResizer *resizer)
{
    const size_t width = (size_t)round_up(resizer->end_x - resizer->begin_x, GCAM_RESIZE_LANES);
    int low = INT_MAX, high = 0, columns = 0, rows = 0;

    for (int c = 0; c < resizer->components; c++) {
        const Track *track = &resizer->track[c];
        low = track->low < low ? track->low : low;
        high = track->high > high ? track->high : high;
        columns = track->columns.taps > columns ? track->columns.taps : columns;
        rows = track->rows.taps > rows ? track->rows.taps : rows;
    }
    // Components of a group begin less than MAX_STEP apart.
    resizer->weighed = gcam_calloc((size_t)(high - low) + 2 * MAX_STEP + columns, sizeof(*resizer->weighed));
    resizer->line[0] = gcam_calloc(3 * width, sizeof(*resizer->line[0]));
    resizer->row = gcam_calloc(rows, sizeof(*resizer->row));
    if (!resizer->weighed || !resizer->line[0] || !resizer->row)
        return -ENOMEM;
    resizer->line[1] = resizer->line[0] + width;
    resizer->line[2] = resizer->line[1] + width;
    return 0;
}

int gradcam_resizer_create(GradcamResizer **out, const GradcamResizerSettings *given)
{
    GradcamResizerSettings own;
    const GradcamResizerSettings *settings = &own;
    int error = 0;

    *out = NULL;
    GCAM_TAKE(own, given);
    if (!given || !settings_valid(settings))
        return -EINVAL;
    GradcamResizer *resizer = gcam_calloc(1, sizeof(*resizer));
    if (!resizer)
        return -ENOMEM;
    resizer->picture = settings->picture;
    resizer->samples = settings->gray ? 1 : 3;
    resizer->components = settings->model == GRADCAM_COLOR_RGB ? 3 : settings->model == GRADCAM_COLOR_GRAY ? 1
                                                                                                : resizer->samples;
    for (int c = 0; c < resizer->components && !error; c++)
        error = make_track(resizer, settings, c);
    if (!error)
        error = make_scratch(resizer);
    if (!error)
        error = make_light(resizer, settings);
    if (error) {
        gradcam_resizer_free(&resizer);
        return error;
    }
    make_color(resizer, settings);
    *out = resizer;
    return 0;
}

void gradcam_resizer_free(GradcamResizer **resizer)
{
    if (!resizer || !*resizer)
        return;
    for (int c = 0; c < 3; c++) {
        Track *track = &(*resizer)->track[c];
        gcam_free(track->row_count);
        taps_free(&track->rows);
        taps_free(&track->columns);
    }
    gcam_free((*resizer)->weighed);
    gcam_free((*resizer)->line[0]);
    gcam_free((*resizer)->row);
    gcam_light_tables_free(&(*resizer)->light);
    gcam_free(*resizer);
    *resizer = NULL;
}

// ------------------------------------------------------------------------------------------------- running

static int picture_fits(const GradcamResizer *resizer, const GradcamPicture *picture)
{
    if (picture->width != resizer->picture.width || picture->height != resizer->picture.height)
        return 0;
    for (int i = 0; i < resizer->components; i++) {
        const GradcamComponent *a = &picture->component[i], *b = &resizer->picture.component[i];
        if (!a->data || a->width != b->width || a->height != b->height || a->depth != b->depth ||
            a->shift != b->shift || a->step != b->step || !gcam_component_valid(a))
            return 0;
    }
    return 1;
}

// Whether the samples of both lie between each other in the same rows.
static int share_rows(const GradcamComponent *a, const GradcamComponent *b)
{
    const ptrdiff_t distance = b->data - a->data;
    const int step = a->step > b->step ? a->step : b->step;

    return a->height == b->height && a->stride == b->stride && a->depth == b->depth && a->shift == b->shift &&
           distance > -step && distance < step;
}

// The group of component i.
static Group make_group(const GradcamResizer *resizer, const GradcamPicture *picture, int i)
{
    const GradcamComponent *a = &picture->component[i];
    const int size = a->depth > 8 ? 2 : 1;
    int low = INT_MAX, high = INT_MIN;          // samples that are read, from the first of component i
    Group group = { .stride = a->stride };

    for (int k = 0; k < resizer->components; k++) {
        const GradcamComponent *b = &picture->component[k];
        const Track *track = &resizer->track[k];
        if (!share_rows(a, b))
            continue;
        group.members |= 1 << k;
        group.offset[k] = (int)(b->data - a->data) / size;
        low = track->low + group.offset[k] < low ? track->low + group.offset[k] : low;
        high = track->high + group.offset[k] > high ? track->high + group.offset[k] : high;
    }
    for (int k = 0; k < 3; k++)
        group.offset[k] -= low;
    group.data = a->data + (ptrdiff_t)low * size;
    group.samples = high - low;
    return group;
}

// Row y of the output, counted from the first inside of the picture, of the components of a group.
static void make_lines(GradcamResizer *resizer, const GcamResizeKernels *kernels, const Group *group, int y)
{
    const int first = __builtin_ctz((unsigned)group->members);
    const Track *track = &resizer->track[first];
    const GradcamComponent *c = &resizer->picture.component[first];
    const uint16_t *weight = track->rows.weight + (size_t)y * track->rows.taps;
    const int count = track->row_count[y];

    for (int t = 0; t < count; t++)
        resizer->row[t] = group->data + (track->rows.first[y] + (ptrdiff_t)t * track->row_spacing) * group->stride;
    if (c->depth > 8)
        kernels->rows16(resizer->weighed, resizer->row, weight, count, group->samples, 16 - c->depth - c->shift);
    else
        kernels->rows8(resizer->weighed, resizer->row, weight, count, group->samples);
    for (int k = 0; k < resizer->components; k++)
        if (group->members & (1 << k))
            kernels->columns(resizer->line[k], resizer->weighed + group->offset[k], &resizer->track[k].columns);
}

// One sample a pixel of what is in the lines.
static void make_gray(uint8_t *gray, const GradcamResizer *resizer)
{
    const GcamResizeColor *color = &resizer->color;
    const int one = 1 << GCAM_RESIZE_COLOR_BITS, count = resizer->end_x - resizer->begin_x;

    for (int x = 0; x < count; x++) {
        int64_t sum = color->offset[0];
        for (int c = 0; c < resizer->components; c++)
            sum += (int64_t)color->scale[0][c] * resizer->line[c][x];
        gray[x] = (uint8_t)(sum < 0 ? 0 : sum >= (int64_t)256 * one ? 255 : sum / one);
    }
}

// Pixels of what is in the lines, codes of which stand for another light. Grey is luma as make_color() has it.
static void make_lit(uint8_t *to, const GradcamResizer *resizer)
{
    const int count = resizer->end_x - resizer->begin_x;

    for (int x = 0; x < count; x++) {
        float code[3];
        uint8_t rgb[3];
        for (int i = 0; i < 3; i++) {
            double sum = resizer->offset[i];
            for (int c = 0; c < resizer->components; c++)
                sum += resizer->scale[i][c] * resizer->line[c][x];
            code[i] = (float)sum;
        }
        gcam_light_decode_pixel(resizer->light, code, rgb);
        if (resizer->samples == 1)
            *to++ = (uint8_t)lrint(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]);
        else
            for (int i = 0; i < 3; i++)
                *to++ = rgb[i];
    }
}

int gradcam_resizer_run(GradcamResizer *resizer, const GradcamPicture *picture, uint8_t *pixels, ptrdiff_t stride)
{
    const GcamResizeKernels *kernels = &gcam_kernels()->resize;
    Group group[3];
    int groups = 0, done = 0;

    if (!resizer || !picture || !pixels || !picture_fits(resizer, picture))
        return -EINVAL;
    if (resizer->begin_x == resizer->end_x)
        return 0;
    for (int c = 0; c < resizer->components; c++)
        if (!(done & 1 << c)) {
            group[groups] = make_group(resizer, picture, c);
            done |= group[groups++].members;
        }
    for (int y = resizer->begin_y; y < resizer->end_y; y++) {
        for (int i = 0; i < groups; i++)
            make_lines(resizer, kernels, &group[i], y - resizer->begin_y);
        uint8_t *to = pixels + y * stride + resizer->samples * resizer->begin_x;
        if (resizer->light)
            make_lit(to, resizer);
        else if (resizer->samples == 1)
            make_gray(to, resizer);
        else
            kernels->color(to, (const int16_t *const *)resizer->line, resizer->end_x - resizer->begin_x,
                           &resizer->color);
    }
    return 0;
}

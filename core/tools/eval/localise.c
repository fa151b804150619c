/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Does the map lie on the thing? Measures that hold a map against boxes, and the network's own errors beside them.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "measure.h"

enum { CAM_SIZE = 224 };        // MaxBoxAcc's maps and boxes have this size

// --------------------------------------------------------------------------------------------------------- the network

static int top1_error(Subject *s, const MeasureSettings *settings, double *value)
{
    (void)settings;
    *value = !s->right[0];
    return 0;
}

static int top5_error(Subject *s, const MeasureSettings *settings, double *value)
{
    (void)settings;
    *value = 1;
    for (int i = 0; i < SUBJECT_TOP; i++)
        if (s->right[i])
            *value = 0;
    return 0;
}

// --------------------------------------------------------------------------------------------------------------- boxes

// The map's box by the paper's rule, in pixels of the file. 0 where there is none.
static int box_of_map(const Subject *s, double threshold, Box *box)
{
    GradcamRegion r;
    const int found = gradcam_map_box(s->shown, s->width, s->height, s->width, s->height, (float)threshold, &r);
    if (found == 1)
        *box = (Box){ r.x * s->file_width, r.y * s->file_height, (r.x + r.width) * s->file_width,
                      (r.y + r.height) * s->file_height };
    return found;
}

static int iou(Subject *s, const MeasureSettings *settings, double *value)
{
    Box box;
    const int found = box_of_map(s, settings->threshold, &box);

    *value = 0;
    for (size_t i = 0; found == 1 && i < s->item->boxes; i++)
        *value = fmax(*value, box_iou(&box, &s->item->box[i]));
    return found < 0 ? found : 0;
}

static int gt_known(Subject *s, const MeasureSettings *settings, double *value)
{
    const int error = iou(s, settings, value);
    *value = *value >= 0.5;
    return error;
}

// Wrong where the class is wrong or its map's box is: the map of a class that is right is that of the item's class.
static int loc_error(Subject *s, const MeasureSettings *settings, double class_error, double *value)
{
    double hit;
    const int error = gt_known(s, settings, &hit);
    *value = class_error || !hit;
    return error;
}

static int loc_top1_error(Subject *s, const MeasureSettings *settings, double *value)
{
    double wrong;
    top1_error(s, settings, &wrong);
    return loc_error(s, settings, wrong, value);
}

static int loc_top5_error(Subject *s, const MeasureSettings *settings, double *value)
{
    double wrong;
    top5_error(s, settings, &wrong);
    return loc_error(s, settings, wrong, value);
}

const Measure measure_top1_error = {
    .name = "top1_error", .summary = "the class with the highest score is another one", .better = -1,
    .reference = "Russakovsky et al. 2015, ILSVRC", .needs = NEEDS_CLASS | IS_OF_NETWORK, .value = top1_error,
};
const Measure measure_top5_error = {
    .name = "top5_error", .summary = "it is not among the five classes with the highest scores", .better = -1,
    .reference = "Russakovsky et al. 2015, ILSVRC", .needs = NEEDS_CLASS | IS_OF_NETWORK, .value = top5_error,
};
const Measure measure_loc_top1_error = {
    .name = "loc_top1_error", .summary = "the best guess is wrong, or its map's box has IoU below 0.5 with all boxes",
    .better = -1, .reference = "Selvaraju et al. 2017, section 4.1, Table 1", .needs = NEEDS_CLASS | NEEDS_BOXES,
    .value = loc_top1_error,
};
const Measure measure_loc_top5_error = {
    .name = "loc_top5_error", .summary = "the same of the best five guesses", .better = -1,
    .reference = "Selvaraju et al. 2017, section 4.1, Table 1", .needs = NEEDS_CLASS | NEEDS_BOXES,
    .value = loc_top5_error,
};
const Measure measure_gt_known = {
    .name = "gt_known", .summary = "the true class's map's box has IoU 0.5 or more with one of the boxes", .better = 1,
    .reference = "Singh and Lee 2017", .needs = NEEDS_CLASS | NEEDS_BOXES, .value = gt_known,
};
const Measure measure_iou = {
    .name = "iou", .summary = "IoU of the true class's map's box with the box that it fits best", .better = 1,
    .reference = "Selvaraju et al. 2017, section 4.1", .needs = NEEDS_CLASS | NEEDS_BOXES, .value = iou,
};

// ------------------------------------------------------------------------------------------------------ pointing games

// From the middle of a pixel to the nearest one of a box's; 0 inside.
static double distance_to(const Box *box, double x, double y)
{
    const double dx = fmax(fmax(box->left + 0.5 - x, x - (box->right - 0.5)), 0);
    const double dy = fmax(fmax(box->top + 0.5 - y, y - (box->bottom - 0.5)), 0);
    return hypot(dx, dy);
}

static int pointing_game(Subject *s, const MeasureSettings *settings, double *value)
{
    size_t peak = 0;

    for (size_t i = 1; i < s->pixels; i++)
        if (s->shown[i] > s->shown[peak])
            peak = i;
    const double x = ((double)(peak % (size_t)s->width) + 0.5) * s->file_width / s->width;
    const double y = ((double)(peak / (size_t)s->width) + 0.5) * s->file_height / s->height;
    *value = 0;
    for (size_t i = 0; i < s->item->boxes && !s->empty; i++)
        if (distance_to(&s->item->box[i], x, y) < settings->margin)
            *value = 1;
    return 0;
}

// As TorchRay has it: the things cover less than a quarter of the picture, and there are others.
static int pointing_difficult(Subject *s, const MeasureSettings *settings, double *value)
{
    double area = 0;

    for (size_t i = 0; i < s->item->boxes; i++)
        area += (s->item->box[i].right - s->item->box[i].left) * (s->item->box[i].bottom - s->item->box[i].top);
    *value = NAN;
    if (!s->item->others || area >= 0.25 * s->file_width * s->file_height)
        return 0;
    return pointing_game(s, settings, value);
}

static int is_inside(const Subject *s, size_t at)
{
    const double x = ((double)(at % (size_t)s->width) + 0.5) * s->file_width / s->width;
    const double y = ((double)(at / (size_t)s->width) + 0.5) * s->file_height / s->height;
    for (size_t i = 0; i < s->item->boxes; i++) {
        const Box *b = &s->item->box[i];
        if (x >= b->left && x < b->right && y >= b->top && y < b->bottom)
            return 1;
    }
    return 0;
}

static int energy(Subject *s, const MeasureSettings *settings, double *value)
{
    double inside = 0, all = 0;

    (void)settings;
    for (size_t i = 0; i < s->pixels; i++) {
        all += s->shown[i];
        inside += is_inside(s, i) ? s->shown[i] : 0;
    }
    *value = all > 0 ? inside / all : 0;
    return 0;
}

const Measure measure_pointing_game = {
    .name = "pointing_game", .summary = "the map's maximum is less than 15 pixels from the thing; mean over classes",
    .better = 1, .reference = "Zhang et al. 2016; margin as in TorchRay", .needs = NEEDS_CLASS | NEEDS_BOXES,
    .reduce = REDUCE_CLASS_MEAN, .value = pointing_game,
};
const Measure measure_pointing_difficult = {
    .name = "pointing_game_difficult",
    .summary = "the same where the things cover less than a quarter of the picture, and there are things of other "
               "classes",
    .better = 1, .reference = "Zhang et al. 2016; subset as in TorchRay", .needs = NEEDS_CLASS | NEEDS_BOXES,
    .reduce = REDUCE_CLASS_MEAN, .value = pointing_difficult,
};
const Measure measure_energy = {
    .name = "energy_pointing_game", .summary = "share of the map's sum that lies in the boxes", .better = 1,
    .reference = "Wang et al. 2020, Score-CAM", .needs = NEEDS_CLASS | NEEDS_BOXES, .value = energy,
};

// ----------------------------------------------------------------------------------------------------------- MaxBoxAcc

// Connected parts (8 neighbours) of the pixels above a level, which falls: pixels come in, parts become one.
typedef struct Parts {
    int *parent;                // of each pixel, towards its part's root; -1: not yet in
    int *size;                  // of roots
    Box *box;
    int *root;                  // in the order in which they came; some are roots no more
    size_t roots;
} Parts;

static int find_root(const Parts *parts, int at)
{
    while (parts->parent[at] != at)
        at = parts->parent[at] = parts->parent[parts->parent[at]];
    return at;
}

static void join(Parts *parts, int a, int b)
{
    a = find_root(parts, a);
    b = find_root(parts, b);
    if (a == b)
        return;
    const int to = parts->size[a] >= parts->size[b] ? a : b, from = to == a ? b : a;
    Box *box = &parts->box[to];
    const Box *other = &parts->box[from];
    *box = (Box){ fmin(box->left, other->left), fmin(box->top, other->top), fmax(box->right, other->right),
                  fmax(box->bottom, other->bottom) };
    parts->size[to] += parts->size[from];
    parts->parent[from] = to;
}

static void add_pixel(Parts *parts, int at)
{
    const int x = at % CAM_SIZE, y = at / CAM_SIZE;

    parts->parent[at] = at;
    parts->size[at] = 1;
    parts->box[at] = (Box){ x, y, x + 1, y + 1 };
    parts->root[parts->roots++] = at;
    for (int j = y ? y - 1 : 0; j <= y + 1 && j < CAM_SIZE; j++)
        for (int i = x ? x - 1 : 0; i <= x + 1 && i < CAM_SIZE; i++)
            if (parts->parent[j * CAM_SIZE + i] >= 0)
                join(parts, at, j * CAM_SIZE + i);
}

static double best_iou(const Box *box, const Box *truth, size_t count)
{
    double best = 0;
    for (size_t i = 0; i < count; i++)
        best = fmax(best, box_iou(box, &truth[i]));
    return best;
}

// IoU of the largest part, or the best of all parts.
static double iou_of_parts(Parts *parts, int all, const Box *truth, size_t count)
{
    size_t kept = 0;
    int largest = 0;
    double found = 0;

    for (size_t i = 0; i < parts->roots; i++) {
        const int root = parts->root[i];
        if (parts->parent[root] != root)
            continue;
        parts->root[kept++] = root;
        if (all || parts->size[root] > largest) {
            const double here = best_iou(&parts->box[root], truth, count);
            found = all ? fmax(found, here) : here;
            largest = parts->size[root];
        }
    }
    parts->roots = kept;
    return found;
}

enum { LEVELS = 256 };

// iou[l]: of the pixels above level l.
static void find_ious(Parts *parts, const uint8_t *level, int all, const Box *truth, size_t count, double iou[LEVELS])
{
    int begin[LEVELS + 1] = { 0 }, at[LEVELS];
    enum { PIXELS = CAM_SIZE * CAM_SIZE };
    int *sorted = parts->root + PIXELS;

    for (int i = 0; i < PIXELS; i++) {
        parts->parent[i] = -1;
        begin[level[i] + 1]++;
    }
    for (int l = 0; l < LEVELS; l++) {
        begin[l + 1] += begin[l];
        at[l] = begin[l];
    }
    for (int i = 0; i < PIXELS; i++)
        sorted[at[level[i]]++] = i;
    parts->roots = 0;
    iou[LEVELS - 1] = 0;
    for (int l = LEVELS - 2; l >= 0; l--) {
        for (int i = begin[l + 1]; i < begin[l + 2]; i++)
            add_pixel(parts, sorted[i]);
        iou[l] = iou_of_parts(parts, all, truth, count);
    }
}

// The item's boxes at that size.
static void shrink_boxes(const Subject *s, Box *truth)
{
    const double x = (double)CAM_SIZE / s->file_width, y = (double)CAM_SIZE / s->file_height;

    for (size_t i = 0; i < s->item->boxes; i++) {
        const Box *b = &s->item->box[i];
        truth[i] = (Box){ floor(b->left * x), floor(b->top * y), floor((b->right - 1) * x) + 1,
                          floor((b->bottom - 1) * y) + 1 };
    }
}

// The map at 224 x 224 (bicubic), from its lowest to its highest value in 0..255; boxes likewise. Thresholds by
// thousandths keep what is strictly above the whole part of t * 255.
static int box_hits(Subject *s, int all, const double *bound, int bounds, uint8_t *hits)
{
    const size_t size = CAM_SIZE * CAM_SIZE;
    float *map = malloc(size * sizeof(*map));
    uint8_t *level = malloc(size);
    Box *truth = malloc((s->item->boxes + 1) * sizeof(*truth));
    Parts parts = { malloc(size * sizeof(int)), malloc(size * sizeof(int)), malloc(size * sizeof(Box)),
                    malloc(2 * size * sizeof(int)), 0 };
    double iou[LEVELS];
    int error = -ENOMEM;

    if (map && level && truth && parts.parent && parts.size && parts.box && parts.root) {
        error = gradcam_map_upsample(s->map, s->columns, s->rows, map, size, CAM_SIZE, CAM_SIZE,
                                     GRADCAM_UPSAMPLE_BICUBIC);
        gradcam_map_normalize(map, size);
        for (size_t i = 0; i < size; i++)
            level[i] = (uint8_t)(fminf(fmaxf(map[i], 0), 1) * 255);
        shrink_boxes(s, truth);
        find_ious(&parts, level, all, truth, s->item->boxes, iou);
        for (int t = 0; t < THRESHOLDS; t++)
            for (int b = 0; b < bounds; b++)
                if (iou[(int)(t * 0.001 * 255)] >= bound[b])
                    hits[b * HIT_BYTES + t / 8] |= (uint8_t)(1 << t % 8);
    }
    free(map);
    free(level);
    free(truth);
    free(parts.parent);
    free(parts.size);
    free(parts.box);
    free(parts.root);
    return error;
}

static int fill_v1(Subject *s, const MeasureSettings *settings, void *record, int *found)
{
    (void)settings, (void)found;
    return box_hits(s, 0, (const double[]){ 0.5 }, 1, record);
}

static int fill_v2(Subject *s, const MeasureSettings *settings, void *record, int *found)
{
    (void)settings, (void)found;
    return box_hits(s, 1, (const double[]){ 0.3, 0.5, 0.7 }, 3, record);
}

const Measure measure_maxboxacc = {
    .name = "maxboxacc", .summary = "the largest part's box has IoU 0.5, at the best of 1001 thresholds", .better = 1,
    .reference = "Choe et al. 2020", .needs = NEEDS_CLASS | NEEDS_BOXES, .reduce = REDUCE_BEST, .bounds = 1,
    .fill = fill_v1,
};
const Measure measure_maxboxacc_v2 = {
    .name = "maxboxacc_v2",
    .summary = "the best part's box has IoU 0.3, 0.5, 0.7, each at its best threshold; the mean",
    .better = 1, .reference = "Choe et al. 2020", .needs = NEEDS_CLASS | NEEDS_BOXES, .reduce = REDUCE_BEST,
    .bounds = 3, .fill = fill_v2,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a network's outputs and a candidate. Out: its box, its confidence in a class, and the gradient of that.
 */
#include "detect.h"

#include <math.h>

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

// The usual anchors of YOLOv5, width and height in pixels, by level and anchor.
static const double anchor_size[3][3][2] = {
    { { 10, 13 }, { 16, 30 }, { 33, 23 } },
    { { 30, 61 }, { 62, 45 }, { 59, 119 } },
    { { 116, 90 }, { 156, 198 }, { 373, 326 } },
};

// -------------------------------------------------------------------------------------------------------------- boxes

// Of which cell a candidate is.
typedef struct Cell {
    double column, row, stride;
    const double *anchor;       // of the first levels
} Cell;

static Cell find_cell(const GcamDetector *d, size_t candidate)
{
    int i = d->levels - 1;
    if (i < 0)
        return (Cell){ 0, 0, 1, anchor_size[0][0] };
    while (i > 0 && d->level[i].from > candidate)
        i--;
    const GcamDetectLevel *level = &d->level[i];
    const size_t columns = (size_t)level->columns, cells = columns * (size_t)level->rows;
    const size_t within = candidate - level->from, cell = within % cells;
    return (Cell){ (double)(cell % columns), (double)(cell / columns), level->stride,
                   anchor_size[i < 3 ? i : 2][within / cells % 3] };
}

static GcamDetectBox from_centre(double x, double y, double width, double height)
{
    return (GcamDetectBox){ (float)(x - width / 2), (float)(y - height / 2), (float)(x + width / 2),
                            (float)(y + height / 2) };
}

// The mean of a softmax over bins 0, 1, 2 ...
static double mean_bin(const float *y, size_t item, int bins)
{
    double top = -INFINITY, sum = 0, mean = 0;
    for (int i = 0; i < bins; i++)
        top = fmax(top, y[(size_t)i * item]);
    for (int i = 0; i < bins; i++) {
        const double e = exp(y[(size_t)i * item] - top);
        sum += e;
        mean += i * e;
    }
    return mean / sum;
}

static GcamDetectBox from_distances(const GcamDetector *d, const float *y, const Cell *cell)
{
    const int bins = d->decoder->bins;
    const double x = (cell->column + d->decoder->middle) * cell->stride;
    const double z = (cell->row + d->decoder->middle) * cell->stride;
    double side[4];
    for (int i = 0; i < 4; i++)
        side[i] = mean_bin(y + (size_t)(i * bins) * d->box_item, d->box_item, bins) * cell->stride;
    return (GcamDetectBox){ (float)(x - side[0]), (float)(z - side[1]), (float)(x + side[2]), (float)(z + side[3]) };
}

GcamDetectBox gcam_detector_box(const GcamDetector *d, const float *y, size_t candidate)
{
    const Cell cell = find_cell(d, candidate);
    const double s = cell.stride, width = d->width, height = d->height;
    const float *at = y + d->box_at + candidate * d->box_step;
    const double b[4] = { at[0], at[d->box_item], at[2 * d->box_item], at[3 * d->box_item] };

    switch (d->decoder->coding) {
    case GCAM_BOX_CENTRE_PIXELS:
        return from_centre(b[0], b[1], b[2], b[3]);
    case GCAM_BOX_CENTRE_UNIT:
        return from_centre(b[0] * width, b[1] * height, b[2] * width, b[3] * height);
    case GCAM_BOX_CORNERS_PIXELS:
        return (GcamDetectBox){ at[0], at[d->box_item], at[2 * d->box_item], at[3 * d->box_item] };
    case GCAM_BOX_CORNERS_UNIT:
        return (GcamDetectBox){ (float)(b[0] * width), (float)(b[1] * height), (float)(b[2] * width),
                                (float)(b[3] * height) };
    case GCAM_BOX_EXPONENTIAL:
        return from_centre((b[0] + cell.column) * s, (b[1] + cell.row) * s, exp(b[2]) * s, exp(b[3]) * s);
    case GCAM_BOX_TANH:
        return from_centre((tanh(b[0]) + cell.column) * s, (tanh(b[1]) + cell.row) * s, sigmoid(b[2]) * width,
                           sigmoid(b[3]) * height);
    case GCAM_BOX_ANCHORS:
        return from_centre((2 * sigmoid(b[0]) - 0.5 + cell.column) * s, (2 * sigmoid(b[1]) - 0.5 + cell.row) * s,
                           4 * pow(sigmoid(b[2]), 2) * cell.anchor[0], 4 * pow(sigmoid(b[3]), 2) * cell.anchor[1]);
    case GCAM_BOX_DISTANCES:
        return from_distances(d, at, &cell);
    }
    return (GcamDetectBox){ 0, 0, 0, 0 };
}

// --------------------------------------------------------------------------------------------------------- confidences

// log of the sum of e^y over all classes, the background included. at: of the first class.
static double log_sum(const GcamDetector *d, const float *at)
{
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < d->all_classes; i++)
        top = fmax(top, at[i * d->score_item]);
    for (size_t i = 0; i < d->all_classes; i++)
        sum += exp(at[i * d->score_item] - top);
    return top + log(sum);
}

// The elements of a candidate, from the first one that classes may be among.
static size_t first_score(const GcamDetector *d, size_t candidate)
{
    const size_t before = d->decoder->background > 0 ? 0 : d->first_class;
    return candidate * d->score_step + before * d->score_item;
}

static size_t class_at(const GcamDetector *d, size_t candidate, size_t class)
{
    return candidate * d->score_step + (d->first_class + class) * d->score_item;
}

static size_t object_at(const GcamDetector *d, size_t candidate)
{
    return candidate * d->score_step + (size_t)d->decoder->object * d->score_item;
}

static double class_probability(const GcamDetector *d, const float *y, size_t candidate, size_t class)
{
    const double value = y[class_at(d, candidate, class)];
    switch (d->decoder->confidence) {
    case GCAM_SIGMOID:
        return sigmoid(value);
    case GCAM_SOFTMAX:
        return exp(value - log_sum(d, y + first_score(d, candidate)));
    case GCAM_GIVEN:
        break;
    }
    return value;
}

static double object_probability(const GcamDetector *d, const float *y, size_t candidate)
{
    if (d->decoder->object < 0)
        return 1;
    const double value = y[object_at(d, candidate)];
    return d->decoder->confidence == GCAM_GIVEN ? value : sigmoid(value);
}

static double join(const GcamDetector *d, double class, double object)
{
    const GcamDecoder *decoder = d->decoder;
    double q = decoder->class_power == 1 ? class : pow(class, decoder->class_power);
    if (decoder->object >= 0)
        q *= decoder->object_power == 1 ? object : pow(object, decoder->object_power);
    return q;
}

double gcam_detector_confidence(const GcamDetector *d, const float *y, size_t candidate, size_t class)
{
    return join(d, class_probability(d, y, candidate, class), object_probability(d, y, candidate));
}

int gcam_detector_class(const GcamDetector *d, const float *y, size_t candidate, double *confidence)
{
    int best = -1;
    for (size_t i = 0; i < d->classes; i++)     // the order of classes is that of their elements
        if (!isnan(y[class_at(d, candidate, i)]) &&
            (best < 0 || y[class_at(d, candidate, i)] > y[class_at(d, candidate, (size_t)best)]))
            best = (int)i;
    if (best >= 0)
        *confidence = gcam_detector_confidence(d, y, candidate, (size_t)best);
    return best >= 0 && isfinite(*confidence) ? best : -1;
}

// ------------------------------------------------------------------------------------------------------------ gradient

enum { STEPS = 1 << 20 };               // nearer than 1 / STEPS to 0 or 1, a confidence counts as that far

static double bounded(double q)
{
    return fmin(fmax(q, 1.0 / STEPS), 1 - 1.0 / STEPS);
}

double gcam_detector_logit(double confidence)
{
    const double q = bounded(confidence);
    return isnan(confidence) ? NAN : log(q / (1 - q));
}

// d(log p)/dy times `times` of the class, p being given, behind a sigmoid or behind a softmax.
static void add_class(const GcamDetector *d, const float *y, size_t candidate, size_t class, double times, float *dy)
{
    const double p = class_probability(d, y, candidate, class);
    const size_t at = class_at(d, candidate, class), first = first_score(d, candidate);
    const double sum = d->decoder->confidence == GCAM_SOFTMAX ? log_sum(d, y + first) : 0;
    switch (d->decoder->confidence) {
    case GCAM_GIVEN:
        dy[at] += (float)(times / bounded(p));
        break;
    case GCAM_SIGMOID:
        dy[at] += (float)(times * (1 - p));
        break;
    case GCAM_SOFTMAX:
        for (size_t i = 0, j = first; i < d->all_classes; i++, j += d->score_item)
            dy[j] -= (float)(times * exp(y[j] - sum));
        dy[at] += (float)times;
        break;
    }
}

void gcam_detector_slope(const GcamDetector *d, const float *y, size_t candidate, size_t class, double times,
                         float *dy)
{
    const GcamDecoder *decoder = d->decoder;
    const double o = object_probability(d, y, candidate);
    const double q = bounded(gcam_detector_confidence(d, y, candidate, class)), by_log = times / (1 - q);
    add_class(d, y, candidate, class, by_log * decoder->class_power, dy);
    if (decoder->object >= 0)
        dy[object_at(d, candidate)] += (float)(by_log * decoder->object_power *
                                               (decoder->confidence == GCAM_GIVEN ? 1 / bounded(o) : 1 - o));
}

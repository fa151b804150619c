/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is measured: a row of a table each. A measure makes one number of a picture and its map, or, where thresholds go
 * over the whole data set, a record of what is found at each.
 */
#ifndef GCAM_EVAL_MEASURE_H
#define GCAM_EVAL_MEASURE_H

#include <stdint.h>

#include "subject.h"

// How the numbers of all pictures become one.
enum Reduce {
    REDUCE_MEAN,
    REDUCE_CLASS_MEAN,          // of each class, then of the classes
    REDUCE_BEST,                // share of hits at the threshold with the most, mean over the bounds
    REDUCE_PRECISION,           // average precision over the pixels of all pictures together
};

enum { THRESHOLDS = 1001, MOST_BOUNDS = 3, HIT_BYTES = (THRESHOLDS + 7) / 8 };

// What it takes of an item or of time.
enum {
    NEEDS_CLASS = 1,            // what is really there
    NEEDS_BOXES = 2,
    NEEDS_MASK = 16,
    IS_DEAR = 4,                // dozens of runs of the network or more: only when it is asked for
    IS_OF_NETWORK = 8,          // the map does not matter
};

// How many pixels of a map of PIXEL_SIZE x PIXEL_SIZE are in [t, t + 1) thousandths, the last one being 1 itself.
enum { PIXEL_SIZE = 224 };
typedef struct PixelCounts {
    uint16_t on[THRESHOLDS], off[THRESHOLDS];       // of the thing, and beside it
} PixelCounts;

typedef struct MeasureSettings {
    double threshold;           // of boxes, of the map's maximum
    double margin;              // of the pointing game, pixels of the picture's file
    int steps;                  // of insertion and deletion
    double noise;               // of ROAD
    int patch, patch_step;      // of the occlusion map, pixels of the network's picture
    uint64_t seed;
} MeasureSettings;

typedef struct Measure {
    const char *name;           // key of the JSON, "pointing_game"
    const char *summary;        // half a sentence
    const char *reference;
    int better;                 // 1: higher is better, -1: lower
    unsigned needs;
    enum Reduce reduce;
    int bounds;                 // of REDUCE_BEST
    // *value: NAN where the picture has no such number. 0 or a negative errno.
    int (*value)(Subject *subject, const MeasureSettings *settings, double *value);
    // REDUCE_BEST: whether it is a hit at threshold t, by bound b: bit t % 8 of record[b * HIT_BYTES + t / 8].
    // REDUCE_PRECISION: a PixelCounts. All zeros before. *found: 0 where the picture has no such record.
    int (*fill)(Subject *subject, const MeasureSettings *settings, void *record, int *found);
} Measure;

extern const Measure *const measures[];         // ended by NULL

// Bytes of its record, 0 where it has a number alone.
size_t measure_record_size(const Measure *measure);

// localise.c, pixels.c, faithful.c, road.c, occlusion.c
extern const Measure measure_top1_error, measure_top5_error, measure_loc_top1_error, measure_loc_top5_error,
    measure_gt_known, measure_iou, measure_pointing_game, measure_pointing_difficult, measure_energy,
    measure_maxboxacc, measure_maxboxacc_v2, measure_pxap, measure_average_drop, measure_increase, measure_coherency,
    measure_complexity, measure_adcc, measure_arcc, measure_deletion, measure_insertion, measure_road,
    measure_occlusion;

// (LeRF - MoRF) / 2, see road.c.
int road_value(Subject *subject, const MeasureSettings *settings, double *value);

// Spearman's and Pearson's correlation of two lists; NAN where one is constant. room: 4 * count doubles (spearman).
double correlation(const float *a, const float *b, size_t count);
int rank_correlation(const float *a, const float *b, size_t count, double *rho);
// Intersection of two boxes over their union; 0 for boxes that are none.
double box_iou(const Box *a, const Box *b);

#endif

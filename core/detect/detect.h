/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Detectors: what networks that put out boxes mean by their numbers. Each family of them is a row of one table
 * (decoders.c): where boxes, objectness and classes stand, how they are coded, what is known of the pictures.
 *
 *     shapes of the outputs, size of the picture -> GcamDetector (find)
 *     the outputs' numbers -> candidates, each with a box and a confidence for each class (decode.c)
 *                          -> detections: those that non-maximum suppression leaves (suppress.c)
 *
 * A candidate is one place of the outputs that may have a box; a detection is a candidate that counts. The confidence
 * of a candidate in a class is p^a o^b: p the probability of the class, o that of an object where there is one. Its
 * score, what maps explain, is the logit of that, log(q / (1 - q)).
 *
 * Nothing here allocates, keeps state, or trusts the numbers: those that are not finite make no detection.
 */
#ifndef GCAM_DETECT_DETECT_H
#define GCAM_DETECT_DETECT_H

#include <stddef.h>

#include "base/log.h"
#include "graph/graph.h"

enum {
    GCAM_MOST_STRIDES = 4,
    GCAM_MOST_DETECTIONS = 100,         // that suppression leaves
    GCAM_MOST_SUPPRESSED = 1000,        // candidates that it looks at, the surest ones
    GCAM_MOST_CANDIDATES = 1 << 18,
    GCAM_MOST_BINS = 64,                // of a distance that is given as a distribution
    GCAM_MOST_CLASS_SCORES = 4096,
};

// How the elements of candidates lie in a tensor.
enum GcamArrangement {
    GCAM_ROWS,                  // 1 x N x F: one candidate after the other
    GCAM_COLUMNS,               // 1 x F x N
    GCAM_GRID,                  // 1 x F x rows x columns: a candidate for each cell
    GCAM_PAIR,                  // scores 1 x N x C, boxes 1 x N x 4
    GCAM_PAIR_COLUMNS,          // scores 1 x C x N, boxes 1 x N x 4
};

// What the numbers of a box are. Pixels are those of the network's picture, units its width and height.
enum GcamBoxCoding {
    GCAM_BOX_CENTRE_PIXELS,     // middle, width and height
    GCAM_BOX_CENTRE_UNIT,
    GCAM_BOX_CORNERS_PIXELS,    // left, top, right, bottom
    GCAM_BOX_CORNERS_UNIT,
    GCAM_BOX_EXPONENTIAL,       // ((x + column) s, (y + row) s), exp(w) s, exp(h) s; s: stride of the cell
    GCAM_BOX_TANH,              // ((tanh x + column) s, (tanh y + row) s), sigmoid(w) and (h) of the picture
    GCAM_BOX_ANCHORS,           // (2 sigmoid(x) - 0.5 + column) s, (2 sigmoid(w))^2 times that of the anchor
    GCAM_BOX_DISTANCES,         // to the four sides, in strides, each the mean of a softmax over bins 0, 1, 2 ...
};

// What the numbers of a class, and of the object, are.
enum GcamConfidence { GCAM_GIVEN, GCAM_SIGMOID, GCAM_SOFTMAX };

typedef struct GcamDetectTensor GcamDetectTensor;

// A family of detectors: a row of the table.
typedef struct GcamDecoder {
    const char *name, *summary, *reference;
    enum GcamArrangement arrangement;
    enum GcamBoxCoding coding;
    enum GcamConfidence confidence;
    int box, object, classes;   // where they begin among a candidate's elements; object -1: there is none. Classes of
                                // those whose boxes stand before them go on to the end, others up to the boxes (-1)
    int bins;                   // of GCAM_BOX_DISTANCES
    int anchors;                // candidates for each cell; 0: candidates are of no cell
    int stride[GCAM_MOST_STRIDES + 1];  // of the cells, ended by 0
    double middle;              // where the middle of a cell is: 0 or 0.5 of it
    int background;             // elements that stand for no class: 1 the first, -1 the last, 0 there is none
    double class_power, object_power;
    double threshold;           // confidence from which on a candidate counts, where nobody says
    int suppresses;             // 0: the network leaves one candidate for each object already
    int letterbox;              // trained with pictures whose aspect ratio is kept, with bars of this grey, else -1
    // Whether tensors whose shapes fit are unmistakably of this family; NULL: only when it is asked for.
    int (*is_sure)(const GcamDetectTensor *scores, const GcamDetectTensor *boxes);
} GcamDecoder;

// A tensor that a network puts out, and what its graph tells of it.
struct GcamDetectTensor {
    const char *name;
    GcamShape shape;
    const char *ends;           // "softmax" or "sigmoid" where that made it, else ""
    size_t part[4], parts;      // of a Concat by the second dimension that made it: sizes of what it joined
    int has_exp;                // an Exp lies before it: boxes are decoded in the graph
};

// Cells of one stride: candidates from `from` on, anchor by anchor, row by row.
typedef struct GcamDetectLevel {
    size_t from;
    int stride, columns, rows;
} GcamDetectLevel;

// A decoder on a network's outputs. Elements are counted from the first of the scores' tensor; where boxes have one of
// their own, it follows that.
typedef struct GcamDetector {
    const GcamDecoder *decoder;
    int scores, boxes;          // indices of the tensors; the same where there is one
    size_t candidates, classes; // classes without the background
    size_t all_classes;
    int width, height;          // of the picture
    size_t score_step, score_item, box_at, box_step, box_item;  // elements from candidate to candidate, item to item
    size_t first_class;         // item of class 0
    GcamDetectLevel level[GCAM_MOST_STRIDES];
    int levels;
} GcamDetector;

// Corners, in pixels of the network's picture.
typedef struct GcamDetectBox {
    float left, top, right, bottom;
} GcamDetectBox;

typedef struct GcamDetection {
    GcamDetectBox box;
    int class;
    size_t candidate;
    float confidence;
} GcamDetection;

// The table, row by row; NULL past the last.
const GcamDecoder *gcam_decoder_at(size_t index);

// What the tensors of a network with pictures of that size are. wanted: name of a decoder; NULL or "auto": one that is
// unmistakable. Returns 1 and fills *out; 0: no detector; -EINVAL for a wanted one that does not fit or that there is
// not, and the log tells.
int gcam_detector_find(GcamDetector *out, const GcamDetectTensor *tensor, size_t count, int width, int height,
                       const char *wanted, const GradcamLog *log);

// The box of a candidate, and its confidence in a class. y: the outputs.
GcamDetectBox gcam_detector_box(const GcamDetector *detector, const float *y, size_t candidate);
double gcam_detector_confidence(const GcamDetector *detector, const float *y, size_t candidate, size_t class);

// The logit of a confidence, bounded where it is 0 or 1.
double gcam_detector_logit(double confidence);

// Adds `times` the gradient of that logit by y.
void gcam_detector_slope(const GcamDetector *detector, const float *y, size_t candidate, size_t class, double times,
                         float *dy);

// The surest class of a candidate, its confidence in *confidence. -1 where none is a number.
int gcam_detector_class(const GcamDetector *detector, const float *y, size_t candidate, double *confidence);

// Shared part of two boxes: intersection over union, 0 where either has no area.
double gcam_box_overlap(const GcamDetectBox *a, const GcamDetectBox *b);

// Takes away from a list, the surest first, those that overlap by more than iou with one of the same class before them;
// at most `most` stay. Returns how many.
size_t gcam_detections_suppress(GcamDetection *list, size_t count, double iou, size_t most);

// All candidates with a confidence of at least `threshold`, of the surest class each, suppressed by iou (but not those
// of decoders that need none), the surest first, equal ones by candidate. list: room for GCAM_MOST_SUPPRESSED. Returns
// how many there are, at most GCAM_MOST_DETECTIONS.
size_t gcam_detector_detect(const GcamDetector *detector, const float *y, double threshold, double iou,
                            GcamDetection *list);

#endif

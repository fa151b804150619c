/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A picture before a network: what the measures look at, and what they may ask. One thread's own. All that return an
 * int return 0 or a negative errno.
 */
#ifndef GCAM_EVAL_SUBJECT_H
#define GCAM_EVAL_SUBJECT_H

#include <libavutil/frame.h>

#include "dataset.h"
#include "gradcam_picture.h"
#include "scale.h"

enum { SUBJECT_TOP = 5 };

typedef struct Subject {
    // The network, and one method at a time.
    GradcamModel *model;
    GradcamContext *context;
    const GradcamMethod *method;
    GcamScaler *scaler;
    int width, height, channels;        // of the network's picture
    size_t pixels, samples;             // width * height, and times channels
    int columns, rows;                  // of maps
    // The picture.
    const Item *item;
    int file_width, file_height;
    uint8_t *bytes;                     // at the network's size, as it takes them
    float *input;                       // the same, normalised, in the network's own order: 0 is the mean colour
    GradcamTarget target;               // what is explained: one class, or a group of them
    int guessed;                        // the best guess, where that is the target
    int right[SUBJECT_TOP];             // whether the classes with the highest scores are the item's
    float score, probability;
    // Its map by the method.
    float *map;                         // raw, columns x rows
    float *shown;                       // enlarged to the network's size, 0 to 1; zeros where there is nothing to see
    int empty;                          // nothing is to be seen in it
    // Asked once for all measures that want it; NAN until then.
    double masked_probability, coherency;
    // Room for measures.
    float *changed;                     // a picture as input
    float *other;                       // a map as `shown`
    float *raw;                         // a map as `map`
    size_t *order;                      // of pixels
    float *plane[4];                    // of pixels
} Subject;

int subject_open(Subject *subject, GradcamModel *model, const GradcamSettings *settings);
void subject_close(Subject *subject);

// Shows it a picture. targets: the item's class, or its best guess where that is not known or `guess` is 1.
int subject_show(Subject *subject, const Item *item, const DataClass *data_class, const AVFrame *frame, int guess);

// Makes its map.
int subject_explain(Subject *subject, const GradcamMethod *method);

// Turns `shown` and `map` into their opposite, 1 - m: the control that no measure should prefer.
void subject_invert(Subject *subject);

// Probability and score of the target for an input. Either may be NULL.
int subject_ask(Subject *subject, const float *input, float *probability, float *score);

// The map of an input by the method, as `shown`; into `other`.
int subject_explain_input(Subject *subject, const float *input);

// Where sample `channel` of pixel `at` is in an input.
size_t subject_sample(const Subject *subject, size_t at, int channel);

#endif

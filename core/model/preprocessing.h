/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How pixels become a network's input, where its user does not say: by what its file and its graph tell.
 *
 * Clues are asked in an order of how much they are worth, and the first that knows something is believed:
 *
 *     metadata of the file                    somebody wrote it down          "file"
 *     an input of whole numbers               pixels as they are              "file"
 *     constants at the input                  Sub, Div, Mul, Add, BatchNormalization that bring pixels to another usual
 *                                             range                           "graph"
 *     statistics that training left behind    BatchNormalization at the input, or behind the first convolution
 *                                                                             "graph"
 *     names, producer, padding                what is usual there             "assumed"
 *     nothing                                 torchvision, 0..1 for grey      "assumed"
 */
#ifndef GCAM_MODEL_PREPROCESSING_H
#define GCAM_MODEL_PREPROCESSING_H

#include "gradcam.h"
#include "graph/graph.h"
#include "inputs.h"

enum { GCAM_PRESET_TORCHVISION, GCAM_PRESET_CAFFE, GCAM_PRESET_TF, GCAM_PRESET_UNIT, GCAM_PRESET_NONE, GCAM_PRESETS };

typedef struct GcamPreprocessingFound {
    GradcamPreprocessing preprocessing;
    const char *source;         // "file", "graph", "assumed"
    char reason[256];           // "tf: its input lies channels last, as in TensorFlow"; harmless to print
} GcamPreprocessingFound;

// After simplifying. Always finds something.
void gcam_preprocessing_find(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs);

// -EINVAL for numbers that cannot be meant for pixels in 0..255, and a sentence in the log (or NULL).
int gcam_preprocessing_check(const GradcamPreprocessing *preprocessing, const GradcamLog *log);

// A preset with its channels the other way round, where bgr differs from its own.
GradcamPreprocessing gcam_preset_in_order(int preset, int bgr);

// Clues: 1 and *found without its source, or 0 where they know nothing.
int gcam_clue_metadata(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs);
int gcam_clue_constants(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs);
int gcam_clue_statistics(GcamPreprocessingFound *found, const GcamGraph *graph, const GcamInputs *inputs);

// Sets *found to a preset, its reason to the preset's name and the rest. 1.
__attribute__((format(printf, 4, 5)))
int gcam_clue_preset(GcamPreprocessingFound *found, int preset, int bgr, const char *format, ...);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a network takes: decided once, when it is opened, for all who bring it pictures or numbers.
 */
#ifndef GCAM_MODEL_INPUTS_H
#define GCAM_MODEL_INPUTS_H

#include "base/limits.h"
#include "gradcam.h"
#include "graph/graph.h"

// Everything is in the graph's arena; values are those of the graph.
typedef struct GcamInputs {
    GradcamInput picture;
    int picture_value;
    size_t batch;               // pictures that the network takes as its batch, as frames of a video; else 1
    GradcamInput *other;
    int *other_value;
    int *state_value;           // by other: the output that it is in the next frame, or -1
    size_t others, states;
} GcamInputs;

// Between building the graph and simplifying it: finds the picture among the inputs, tells what each of them is, gives
// open dimensions a size (`width` and `height` those of pictures), and brings the picture to four dimensions where the
// network takes three. A batch that was exported as more than one becomes one; or, where `frames` is set, so many
// frames. -ENOTSUP where no input is a picture.
int gcam_inputs_decide(GcamInputs *inputs, GcamGraph *graph, int width, int height, int frames, const GradcamLog *log);

// How many pictures the network was exported for, in ONNX's order; 1 where that is open or told otherwise.
size_t gcam_inputs_batch(const GcamGraph *graph);

// After simplifying, and when the logits are known: pairs inputs with the outputs that they are in the next frame, and
// lists these as carried by the graph. wanted: as GradcamModelOptions.states. -ENOENT for a name that is none, -EINVAL
// for shapes that differ.
int gcam_inputs_find_states(GcamInputs *inputs, GcamGraph *graph, int logits, const char *wanted,
                            const GradcamLog *log);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What methods that ask the network again ask: scores of other activations of the layer, or of other pictures, and the
 * gradients there. In: a score on a picture that was run. While a method runs, its GcamCam stays what it was - of that
 * picture - and the context is the probe's to change; afterwards the context is as before, but for its gradients, which
 * are gone.
 *
 * All functions return 0 or a negative errno: -ECANCELED when it was interrupted, -ENOMEM. A method passes them on.
 */
#ifndef GCAM_CAM_PROBE_H
#define GCAM_CAM_PROBE_H

#include "method.h"

// The layer, and the picture, as a formula has them: what they were on the picture that the map is made of. Gradients
// are those of the score on it where the method needs them, else NULL.
const GcamCam *gcam_probe_layer(const GcamProbe *probe);
const GcamCam *gcam_probe_picture(const GcamProbe *probe);

// Where a method says what it found beside its map.
const GradcamLog *gcam_probe_log(const GcamProbe *probe);

// Floats for the method's own use, NULL when there is no memory for them: the same ones at each call and each map, so
// that nothing is allocated from the second map on. Ask once for all.
float *gcam_probe_floats(GcamProbe *probe, size_t count);

// The score if the layer had these activations, [cells][channels]. For methods with GCAM_NEEDS_HEAD.
int gcam_probe_score_of_layer(GcamProbe *probe, const float *a, double *score);

// The score of another picture, [pixels][channels], normalised. For methods with GCAM_NEEDS_NETWORK.
int gcam_probe_score_of_picture(GcamProbe *probe, const float *picture, double *score);

// Gradients of the score at what was asked last, by the rule. They stay until the next question, each
// [cells][channels]; by the picture only for methods with GCAM_NEEDS_PICTURE_GRADIENT, else NULL. Either pointer may be
// NULL; without that by the picture the way ends at the layer.
int gcam_probe_gradient(GcamProbe *probe, enum GcamRule rule, const float **by_layer, const float **by_picture);

// Of methods with GCAM_NEEDS_HEAD: the gradient of the score by the layer less `part` of the second derivative times
// the activations, as gcam_probe_gradient() has it. What lies between layer and scores is taken for linear where it is,
// as networks of ReLUs are: the second derivative is that of the score by what the network puts out.
int gcam_probe_curved(GcamProbe *probe, double part, const float **by_layer);

// What a network adds to each channel of a map somewhere between the picture and the scores.
typedef struct GcamBiased {
    size_t height, width, channels;
    const float *bias;          // [channels]
    const float *g;             // [cells][channels]: gradient of the score by the sums
} GcamBiased;

// Raises *channels and *cells to the most that such a map has.
void gcam_probe_most_biased(const GcamProbe *probe, size_t *channels, size_t *cells);

// Goes back to the picture once more, for methods with GCAM_NEEDS_PICTURE_GRADIENT, and tells of each such map, from
// the scores down. What it tells is valid during the call.
int gcam_probe_biases(GcamProbe *probe, void (*take)(void *opaque, const GcamBiased *biased), void *opaque);

// The same by GCAM_RULE_EXCITATION or _INHIBITION, of methods with GCAM_NEEDS_EXCITATION: each activation's share of
// the score, divided by it. By the latter -ENOTSUP where no product with weights lies between layer and scores.
int gcam_probe_excitation(GcamProbe *probe, enum GcamRule rule, const float **by_layer);

// Makes a map by a method that has `run`, of a target that fits. (For run.c.)
int gcam_probe_run(GradcamContext *context, const GradcamTarget *target, const GcamMethod *method, const GcamCam *layer,
                   const GcamCam *picture, float *map);

#endif

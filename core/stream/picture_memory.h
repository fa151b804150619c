/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures that stand still: what a stream remembers of a picture, so that the next one like it needs no network.
 */
#ifndef GCAM_STREAM_PICTURE_MEMORY_H
#define GCAM_STREAM_PICTURE_MEMORY_H

#include <stdint.h>

#include "gradcam.h"
#include "model/layers.h"

// What was asked about a picture, and the result once there is one. Shared; references, done, error and result are
// guarded by the stream's mutex.
typedef struct GcamAnswer {
    int references;
    int done, error;
    GradcamResult *result;      // done without an error
    GcamLayers layers;          // the question: of these layers, by this method, and
    GradcamMethod method;
    size_t length;
    int question[];             // of each target what its score is made of
} GcamAnswer;

// A picture at the network's size. Shared; references, known, error and answer are guarded by the stream's mutex,
// logits do not change once they are known.
typedef struct GcamSeenPicture {
    int references;
    int known;                  // the logits are there
    int error;                  // of the network on it, or 0
    GcamAnswer *answer;         // to what was asked last, or NULL
    uint8_t *pixels;            // width x height, as many bytes each as the network's pixels have samples
    float logits[];
} GcamSeenPicture;

// With one reference; the picture's pixels are the caller's to fill in. -ENOMEM.
int gcam_seen_picture_create(GcamSeenPicture **out, int width, int height, int samples, size_t classes);
// Drops a reference. Accepts NULL.
void gcam_seen_picture_unref(GcamSeenPicture *picture);

// With one reference. -ENOMEM.
int gcam_answer_create(GcamAnswer **out, const GcamLayers *layers, const GradcamMethod *method,
                       const GradcamTarget *target, size_t count);
void gcam_answer_unref(GcamAnswer *answer);
// Whether both are answers to the same question.
int gcam_answer_alike(const GcamAnswer *a, const GcamAnswer *b);

// Whether a picture counts as the same as the last one: for a threshold of 0, byte by byte. Above 0, blocks of 16 x 16
// pixels whose mean difference is at most that get the pixels of the last one, and it does if all blocks are such;
// errors do not add up, as what is compared with are pixels that the network has seen.
int gcam_pixels_settle(const uint8_t *last, uint8_t *picture, int width, int height, int samples, float threshold);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Methods: ways to make a map of a score, as rows of one table (methods.c).
 *
 * To add one: write its function into the file of its family (methods_weighted.c, ...) with a const GcamMethod that
 * tells what it is called, what it needs and what it makes, and put its address into the table. That is all: the
 * command line, the filter, help texts and the tests that go over all methods read the table, and the table of the
 * manual is held against it by a test.
 *
 * What a method needs decides how the network is made ready for it (plan/plan.h) and how far back its gradients run
 * (plan/way.h): sums of the gradient are often to be had without the gradient itself. A method that is one formula over
 * activations and gradients says so and gets both in its GcamCam. One that asks again - of other pictures, other
 * activations, by another rule - has `run` instead and asks a probe (probe.h).
 */
#ifndef GCAM_CAM_METHOD_H
#define GCAM_CAM_METHOD_H

#include <stddef.h>

#include "gradcam.h"
#include "plan/needs.h"

// Attention of one block: probabilities, and the gradient of the score by them or NULL, [heads][tokens][tokens]: by
// query, then key.
typedef struct GcamAttended {
    const float *p, *g;
    size_t heads;
} GcamAttended;

// What a formula reads: a layer, the picture where the method makes maps of pixels, or blocks, of which there is no `a`
// and no `g`, and `channels` are their tokens.
typedef struct GcamCam {
    size_t height, width, cells, channels;
    const float *a;             // activations, [cells][channels]; of the picture: what the network took, normalised
    const float *g;             // gradient of the score by them, likewise; NULL where the method does not need it
    float *sums;                // GCAM_NEEDS_SUMS: the gradient's sums over all cells, [channels]; may be overwritten
    int is_constant;            // no picture changes g: one linear step is all there is between layer and score
    const GcamAttended *block;  // GCAM_NEEDS_ATTENTION: the blocks of a transformer, whose patches the cells are
    size_t blocks, tokens;      // how many, and of how many tokens each: `before` others, the patches, then others
    size_t before;
    const double *option;       // the method's options, in their order
    double *scratch;            // as many as GcamMethod.scratch asked for
    const GradcamLog *log;
} GcamCam;

typedef struct GcamProbe GcamProbe;

// How maps of several layers become one (fuse.h).
enum GcamFuse {
    GCAM_FUSE_MEAN,             // of one layer, it is the layer's raw map
    GCAM_FUSE_PRODUCT,          // a map of one layer there is not
};

typedef struct GcamMethod {
    GradcamMethodInfo info;     // first: a pointer to it is one to the whole
    unsigned needs;             // GCAM_NEEDS_...
    enum GcamRule rule;         // of the way back
    enum GcamFuse fuse;
    const char *score;          // the kind of score that it explains of targets that name none; NULL: the logit
    // One of the two. `map` has the size that info.of_pixels tells, and is overwritten. 0, or a negative errno after a
    // sentence to the log of the context.
    int (*formula)(const GcamCam *cam, float *map);
    int (*run)(GcamProbe *probe, const GcamCam *cam, float *map);
    // Doubles that it takes beside, with these options; NULL: none.
    size_t (*scratch)(const double *option, size_t cells, size_t channels);
} GcamMethod;

// The row of a method; of Grad-CAM for NULL and for one of zeros.
const GcamMethod *gcam_method_row(const GradcamMethod *method);
// The values of its options, which of NULL and of one of zeros are the defaults.
GradcamMethod gcam_method_given(const GradcamMethod *method);

// Whether two are the same, options included.
static inline int gcam_method_equal(const GradcamMethod *a, const GradcamMethod *b)
{
    int equal = a->info == b->info;
    for (size_t i = 0; equal && a->info && i < a->info->options; i++)
        equal = a->value[i] == b->value[i];
    return equal;
}

#endif

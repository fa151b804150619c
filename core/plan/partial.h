/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures that differ from the one before in a part only: of the trunk, what the change can reach is computed again,
 * and what it cannot reach is kept. The result is the same bit for bit.
 */
#ifndef GCAM_PLAN_PARTIAL_H
#define GCAM_PLAN_PARTIAL_H

#include <stdint.h>

#include "plan.h"

// Sets plan->kept: as many steps as it pays to keep. After layouts are known and steps are prepared. -ENOMEM.
int gcam_plan_keep(GcamPlan *plan);

// What one context remembers. The memory is taken when a picture shows for the first time that it is worth it.
typedef struct GcamPartial GcamPartial;

// samples: bytes of a pixel.
int gcam_partial_create(GcamPartial **out, const GcamPlan *plan, int width, int height, int samples);
void gcam_partial_free(GcamPartial **partial);

// Compares a picture with the last one, and remembers it. What differs, in pixels: empty where what was computed last
// is right for this one too.
GcamRect gcam_partial_compare(GcamPartial *partial, const uint8_t *pixels, ptrdiff_t stride);

// Before a forward of what differs: GcamRun.wanted, or NULL, all is to be computed. Decides what is kept, and in `data`
// where values are.
const GcamRect *gcam_partial_begin(GcamPartial *partial, const GcamRect *differs, float *memory, float **data);
// After it: what was computed is that of the picture, or an error left it as nobody knows what.
void gcam_partial_end(GcamPartial *partial, int error);
// What the last picture made is not what it would make now.
void gcam_partial_forget(GcamPartial *partial);

#endif

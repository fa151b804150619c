/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Between the colours of SDR, sRGB as photos and networks have it, and those of pictures with another transfer function
 * or other primaries.
 *
 * Light is counted in parts of white: 1 is the white of SDR, which in HDR is graphics white, 203 cd/m2 (ITU-R
 * BT.2408). Sources: PQ and HLG are ITU-R BT.2100-2 tables 4 and 5, HLG for a display of 1000 cd/m2, so that its system
 * gamma is 1.2; sRGB is IEC 61966-2-1; primaries are BT.709, BT.2020 and those of SMPTE RP 431-2 with D65 (P3).
 */
#ifndef GCAM_PICTURE_LIGHT_H
#define GCAM_PICTURE_LIGHT_H

#include <stdint.h>

#include "gradcam_picture.h"

// Whether colours are other than those of SDR at all.
static inline int gcam_light_differs(enum GradcamTransfer transfer, enum GradcamPrimaries primaries)
{
    return transfer != GRADCAM_TRANSFER_SDR || primaries != GRADCAM_PRIMARIES_BT709;
}

// R, G, B of sRGB, 0..1, as the codes of a picture, 0..1 of its range; what its primaries cannot show is clipped.
void gcam_light_encode(enum GradcamTransfer transfer, enum GradcamPrimaries primaries, const double srgb[3],
                       double code[3]);

// Back. What is brighter than white, or not within BT.709, is clipped.
void gcam_light_decode(enum GradcamTransfer transfer, enum GradcamPrimaries primaries, const double code[3],
                       double srgb[3]);

// The same as tables, for many pixels. Immutable, may be shared.
typedef struct GcamLightTables GcamLightTables;

// -ENOMEM.
int gcam_light_tables_create(GcamLightTables **out, enum GradcamTransfer transfer, enum GradcamPrimaries primaries);
void gcam_light_tables_free(GcamLightTables **tables);

// Codes of R, G, B, 0..1 (others are clipped), as sRGB of 8 bits; within 1 of what gcam_light_decode() gives.
void gcam_light_decode_pixel(const GcamLightTables *tables, const float code[3], uint8_t srgb[3]);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The types that elements of a tensor may have: float, IEEE 754 half precision and bfloat16; the last two to and from
 * float, in portable C. Rounds to nearest, ties to even.
 */
#ifndef GCAM_BASE_HALF_H
#define GCAM_BASE_HALF_H

#include <stdint.h>
#include <string.h>

enum GcamType {
    GCAM_F32,
    GCAM_F16,                   // IEEE binary16
    GCAM_BF16,                  // upper half of a binary32
    GCAM_TYPES
};

static inline float gcam_bits_to_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static inline uint32_t gcam_float_to_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static inline float gcam_bfloat16_to_float(uint16_t b)
{
    return gcam_bits_to_float((uint32_t)b << 16);
}

static inline float gcam_half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t rest = h & 0x7fff;
    if (rest >= 0x7c00)                                     // infinity, NaN
        return gcam_bits_to_float(sign | 0x7f800000 | (rest & 0x3ff) << 13);
    if (rest >= 0x0400)                                     // normal: rebias the exponent from 15 to 127
        return gcam_bits_to_float(sign | ((rest << 13) + 0x38000000));
    float x = (float)rest * 0x1p-24f;                       // subnormal
    return sign ? -x : x;
}

static inline uint16_t gcam_float_to_half(float x)
{
    uint32_t bits = gcam_float_to_bits(x);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000)
        return sign | 0x7e00;                               // NaN
    if (bits >= 0x477ff000)
        return sign | 0x7c00;                               // rounds to infinity
    if (bits >= 0x38800000) {                               // normal
        uint32_t rounded = bits + 0xfff + (bits >> 13 & 1);
        return sign | (uint16_t)((rounded - 0x38000000) >> 13);
    }
    // Subnormal: adding 0.5 aligns the bits that remain at the bottom of the mantissa, rounded by the addition.
    float aligned = gcam_bits_to_float(bits) + 0.5f;
    return sign | (uint16_t)(gcam_float_to_bits(aligned) - gcam_float_to_bits(0.5f));
}

#endif

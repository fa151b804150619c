/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vector operations for NEON, which every AArch64 has: four floats. See simd_generic.h for what each does.
 */
#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

typedef float32x4_t V;
enum { VW = 4 };

static inline V v_set1(float x) { return vdupq_n_f32(x); }
static inline V v_zero(void) { return vdupq_n_f32(0); }
static inline V v_load(const float *p) { return vld1q_f32(p); }
static inline void v_store(float *p, V v) { vst1q_f32(p, v); }

static inline V v_load_n(const float *p, size_t n)
{
    switch (n) {
    case 0:  return v_zero();
    case 1:  return vld1q_lane_f32(p, v_zero(), 0);
    case 2:  return vcombine_f32(vld1_f32(p), vdup_n_f32(0));
    case 3:  return vld1q_lane_f32(p + 2, vcombine_f32(vld1_f32(p), vdup_n_f32(0)), 2);
    default: return v_load(p);
    }
}

static inline void v_store_n(float *p, V v, size_t n)
{
    switch (n) {
    case 0:  return;
    case 1:  vst1q_lane_f32(p, v, 0); return;
    case 3:  vst1q_lane_f32(p + 2, v, 2);   // fall through
    case 2:  vst1_f32(p, vget_low_f32(v)); return;
    default: v_store(p, v);
    }
}

static inline V v_add(V a, V b) { return vaddq_f32(a, b); }
static inline V v_sub(V a, V b) { return vsubq_f32(a, b); }
static inline V v_mul(V a, V b) { return vmulq_f32(a, b); }
static inline V v_fma(V a, V b, V c) { return vfmaq_f32(c, a, b); }
static inline V v_fnma(V a, V b, V c) { return vfmsq_f32(c, a, b); }

static inline V v_div(V a, V b) { return vdivq_f32(a, b); }

static inline V v_select_less(V a, V b, V x, V y) { return vbslq_f32(vcltq_f32(a, b), x, y); }

static inline V v_ldexp(V v, V n)
{
    int32x4_t exponent = vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127));
    return vmulq_f32(v, vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
}

// The instructions give NaN when one operand is.
static inline V v_clamp(V v, V lo, V hi) { return vminq_f32(hi, vmaxq_f32(lo, v)); }

static inline float v_sum(V v) { return vaddvq_f32(v); }
static inline float v_most(V v) { return vmaxnmvq_f32(v); }

static inline uint16x4_t load_u16(const void *p, size_t n)
{
    uint16_t part[VW] = { 0 };
    memcpy(part, p, (n < VW ? n : VW) * sizeof(*part));
    return vld1_u16(part);
}

static inline V v_load_f16(const void *p, size_t n) { return vcvt_f32_f16(vreinterpret_f16_u16(load_u16(p, n))); }

static inline void v_store_f16(void *p, V v, size_t n)
{
    float16x4_t half = vcvt_f16_f32(v);
    memcpy(p, &half, (n < VW ? n : VW) * sizeof(uint16_t));
}

static inline V v_load_bf16(const void *p, size_t n)
{
    return vreinterpretq_f32_u32(vshll_n_u16(load_u16(p, n), 16));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a colour. Out: the same colour by another transfer function and other primaries.
 *
 * A code becomes light of the display, in its own primaries; that is brought to the other ones by way of XYZ; light
 * becomes a code.
 */
#include "light.h"

#include <errno.h>
#include <math.h>

#include "base/enum_names.h"
#include "base/mem.h"

#define WHITE       203.0       // cd/m2, graphics white of HDR
#define PQ_PEAK     10000.0     // of a code of 1
#define HLG_PEAK    1000.0      // of the display
#define HLG_GAMMA   1.2         // of such a display

#define STEPS       4096        // of tables

struct GcamLightTables {
    int transfer;
    float to_bt709[3][3];
    float luma[3];              // of the picture's primaries
    float light[STEPS + 2];     // by code: light, or of HLG the scene's
    float gain[STEPS + 2];      // of HLG, by the square root of the scene's luminance
    uint8_t srgb[STEPS + 1];    // by the square root of light
};

static const char *const transfers[] = { "sdr", "pq", "hlg", "linear" };
static const char *const primaries_names[] = { "bt709", "bt2020", "p3" };

const char *gradcam_transfer_name(enum GradcamTransfer transfer)
{
    return GCAM_ENUM_NAME(transfers, transfer);
}

int gradcam_transfer_find(const char *name)
{
    return GCAM_ENUM_FIND(transfers, name);
}

const char *gradcam_primaries_name(enum GradcamPrimaries primaries)
{
    return GCAM_ENUM_NAME(primaries_names, primaries);
}

int gradcam_primaries_find(const char *name)
{
    return GCAM_ENUM_FIND(primaries_names, name);
}

static double clip(double value)
{
    return value > 0 ? fmin(value, 1) : 0;      // NaN: 0
}

// ------------------------------------------------------------------------------------------------- transfer functions

static double srgb_to_light(double code)
{
    return code <= 0.04045 ? code / 12.92 : pow((code + 0.055) / 1.055, 2.4);
}

static double light_to_srgb(double light)
{
    return light <= 0.0031308 ? light * 12.92 : 1.055 * pow(light, 1 / 2.4) - 0.055;
}

static const double pq_m1 = 2610.0 / 16384, pq_m2 = 2523.0 / 4096 * 128;
static const double pq_c1 = 3424.0 / 4096, pq_c2 = 2413.0 / 4096 * 32, pq_c3 = 2392.0 / 4096 * 32;

static double pq_to_light(double code)
{
    const double p = pow(code, 1 / pq_m2);

    return pow(fmax(p - pq_c1, 0) / (pq_c2 - pq_c3 * p), 1 / pq_m1) * PQ_PEAK / WHITE;
}

static double light_to_pq(double light)
{
    const double p = pow(light * WHITE / PQ_PEAK, pq_m1);

    return pow((pq_c1 + pq_c2 * p) / (1 + pq_c3 * p), pq_m2);
}

static const double hlg_a = 0.17883277, hlg_b = 0.28466892, hlg_c = 0.55991073;

// Between codes and the light of the scene, 0..1.
static double hlg_to_scene(double code)
{
    return code <= 0.5 ? code * code / 3 : (exp((code - hlg_c) / hlg_a) + hlg_b) / 12;
}

static double scene_to_hlg(double scene)
{
    return scene <= 1.0 / 12 ? sqrt(3 * scene) : hlg_a * log(12 * scene - hlg_b) + hlg_c;
}

// What the scene's light is multiplied by to be the display's, where its luminance is `luma`.
static double hlg_gain(double luma)
{
    return HLG_PEAK / WHITE * pow(luma, HLG_GAMMA - 1);
}

// -------------------------------------------------------------------------------------------------------- primaries

static void invert(const double m[3][3], double out[3][3])
{
    double det = 0;

    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            const int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
            out[i][j] = m[a][c] * m[b][d] - m[a][d] * m[b][c];
        }
    for (int i = 0; i < 3; i++)
        det += m[0][i] * out[i][0];
    for (int i = 0; i < 9; i++)
        out[i / 3][i % 3] /= det;
}

static void apply(const double m[3][3], const double in[3], double out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = m[i][0] * in[0] + m[i][1] * in[1] + m[i][2] * in[2];
}

// R, G, B to X, Y, Z, from the places of the primaries in x, y and D65; the second row is the luma.
static void find_xyz(enum GradcamPrimaries primaries, double m[3][3])
{
    static const double at[][3][2] = {
        [GRADCAM_PRIMARIES_BT709]  = { { 0.640, 0.330 }, { 0.300, 0.600 }, { 0.150, 0.060 } },
        [GRADCAM_PRIMARIES_BT2020] = { { 0.708, 0.292 }, { 0.170, 0.797 }, { 0.131, 0.046 } },
        [GRADCAM_PRIMARIES_P3]     = { { 0.680, 0.320 }, { 0.265, 0.690 }, { 0.150, 0.060 } },
    };
    const double white[3] = { 0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290 };
    double inverse[3][3], scale[3];

    for (int i = 0; i < 3; i++) {
        const double x = at[primaries][i][0], y = at[primaries][i][1];
        m[0][i] = x / y;
        m[1][i] = 1;
        m[2][i] = (1 - x - y) / y;
    }
    invert((const double (*)[3])m, inverse);
    apply((const double (*)[3])inverse, white, scale);
    for (int i = 0; i < 9; i++)
        m[i / 3][i % 3] *= scale[i % 3];
}

static void convert(enum GradcamPrimaries from, enum GradcamPrimaries to, const double in[3], double out[3])
{
    double m[3][3], inverse[3][3], xyz[3];

    if (from == to) {
        for (int i = 0; i < 3; i++)
            out[i] = in[i];
        return;
    }
    find_xyz(from, m);
    apply((const double (*)[3])m, in, xyz);
    find_xyz(to, m);
    invert((const double (*)[3])m, inverse);
    apply((const double (*)[3])inverse, xyz, out);
}

static double find_luma(enum GradcamPrimaries primaries, const double rgb[3])
{
    double m[3][3];

    find_xyz(primaries, m);
    return m[1][0] * rgb[0] + m[1][1] * rgb[1] + m[1][2] * rgb[2];
}

// ----------------------------------------------------------------------------------------------------------- colours

void gcam_light_encode(enum GradcamTransfer transfer, enum GradcamPrimaries primaries, const double srgb[3],
                       double code[3])
{
    double light[3], own[3];
    double gain = 1;

    for (int i = 0; i < 3; i++)
        light[i] = srgb_to_light(clip(srgb[i]));
    convert(GRADCAM_PRIMARIES_BT709, primaries, light, own);
    if (transfer == GRADCAM_TRANSFER_HLG) {
        // The display's luminance is gain(Y) * Y of the scene's Y.
        const double luma = fmax(find_luma(primaries, own), 1e-9) * WHITE / HLG_PEAK;
        gain = WHITE / HLG_PEAK * pow(luma, 1 / HLG_GAMMA - 1);
    }
    for (int i = 0; i < 3; i++) {
        const double l = fmax(own[i], 0) * gain;
        code[i] = clip(transfer == GRADCAM_TRANSFER_PQ ? light_to_pq(l)
                     : transfer == GRADCAM_TRANSFER_HLG ? scene_to_hlg(l)
                     : transfer == GRADCAM_TRANSFER_LINEAR ? l : light_to_srgb(l));
    }
}

// Light of a code, or of HLG the scene's.
static double find_light(enum GradcamTransfer transfer, double code)
{
    return transfer == GRADCAM_TRANSFER_PQ ? pq_to_light(code)
         : transfer == GRADCAM_TRANSFER_HLG ? hlg_to_scene(code)
         : transfer == GRADCAM_TRANSFER_LINEAR ? code : srgb_to_light(code);
}

void gcam_light_decode(enum GradcamTransfer transfer, enum GradcamPrimaries primaries, const double code[3],
                       double srgb[3])
{
    double own[3], light[3];

    for (int i = 0; i < 3; i++)
        own[i] = find_light(transfer, clip(code[i]));
    if (transfer == GRADCAM_TRANSFER_HLG) {
        const double gain = hlg_gain(find_luma(primaries, own));
        for (int i = 0; i < 3; i++)
            own[i] *= gain;
    }
    convert(primaries, GRADCAM_PRIMARIES_BT709, own, light);
    for (int i = 0; i < 3; i++)
        srgb[i] = light_to_srgb(clip(light[i]));
}

double gradcam_transfer_to_sdr(enum GradcamTransfer transfer, double code)
{
    const double gray[3] = { code, code, code };
    double srgb[3] = { 0 };

    if (gradcam_transfer_name(transfer))
        gcam_light_decode(transfer, GRADCAM_PRIMARIES_BT709, gray, srgb);
    return srgb[0];
}

// ------------------------------------------------------------------------------------------------------------ tables

int gcam_light_tables_create(GcamLightTables **out, enum GradcamTransfer transfer, enum GradcamPrimaries primaries)
{
    GcamLightTables *t = gcam_calloc(1, sizeof(*t));
    double xyz[3][3];

    *out = t;
    if (!t)
        return -ENOMEM;
    t->transfer = transfer;
    find_xyz(primaries, xyz);
    for (int i = 0; i < 3; i++) {
        const double one[3] = { i == 0, i == 1, i == 2 };
        double column[3];
        convert(primaries, GRADCAM_PRIMARIES_BT709, one, column);
        for (int k = 0; k < 3; k++)
            t->to_bt709[k][i] = (float)column[k];
        t->luma[i] = (float)xyz[1][i];
    }
    for (int i = 0; i < STEPS + 2; i++) {
        const double at = fmin((double)i / STEPS, 1);
        t->light[i] = (float)find_light(transfer, at);
        t->gain[i] = (float)hlg_gain(at * at);
    }
    for (int i = 0; i <= STEPS; i++)
        t->srgb[i] = (uint8_t)lrint(255 * light_to_srgb((double)i / STEPS * i / STEPS));
    return 0;
}

void gcam_light_tables_free(GcamLightTables **tables)
{
    gcam_free(*tables);
    *tables = NULL;
}

// Between two entries of a table; at in 0..1.
static float look_up(const float *table, float at)
{
    const float place = at * STEPS;
    const int i = (int)place;

    return table[i] + (place - (float)i) * (table[i + 1] - table[i]);
}

static float clip_float(float value)
{
    return value > 0 ? (value < 1 ? value : 1) : 0;
}

void gcam_light_decode_pixel(const GcamLightTables *t, const float code[3], uint8_t srgb[3])
{
    float own[3];

    for (int i = 0; i < 3; i++)
        own[i] = look_up(t->light, clip_float(code[i]));
    if (t->transfer == GRADCAM_TRANSFER_HLG) {
        const float luma = t->luma[0] * own[0] + t->luma[1] * own[1] + t->luma[2] * own[2];
        const float gain = look_up(t->gain, clip_float(sqrtf(luma)));
        for (int i = 0; i < 3; i++)
            own[i] *= gain;
    }
    for (int i = 0; i < 3; i++) {
        const float *m = t->to_bt709[i];
        const float light = clip_float(m[0] * own[0] + m[1] * own[1] + m[2] * own[2]);
        srgb[i] = t->srgb[(int)(sqrtf(light) * STEPS + 0.5f)];
    }
}

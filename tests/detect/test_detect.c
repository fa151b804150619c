/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Decoders of detectors, on tensors with one or two candidates that count, boxes and confidences by hand; suppression
 * against torchvision.ops.
 */
#include "detect/detect.h"
#include "harness.h"

#include <errno.h>

static GcamDetectTensor tensor(const char *name, size_t a, size_t b, size_t c, size_t d)
{
    return (GcamDetectTensor){ .name = name, .shape = { d ? 4 : 3, { a, b, c, d } }, .ends = "" };
}

static GcamDetector find(const char *wanted, const GcamDetectTensor *t, size_t count, int size)
{
    GcamDetector d;
    CHECK_INT(gcam_detector_find(&d, t, count, size, size, wanted, NULL), 1);
    return d;
}

static void check_box(const GcamDetector *d, const float *y, size_t candidate, double left, double top, double right,
                      double bottom)
{
    const GcamDetectBox box = gcam_detector_box(d, y, candidate);
    if (fabs(box.left - left) > 1e-3 || fabs(box.top - top) > 1e-3 || fabs(box.right - right) > 1e-3 ||
        fabs(box.bottom - bottom) > 1e-3)
        fail("%s: box %g %g %g %g, not %g %g %g %g", d->decoder->name, (double)box.left, (double)box.top,
             (double)box.right, (double)box.bottom, left, top, right, bottom);
}

// The gradient of the logit against differences of it.
static void check_slope(const GcamDetector *d, float *y, size_t floats, size_t candidate, size_t class)
{
    float *dy = calloc(floats, sizeof(*dy));
    gcam_detector_slope(d, y, candidate, class, 1, dy);
    for (size_t i = 0; i < floats; i++) {
        const float was = y[i], step = 1e-3f;
        y[i] = was + step;
        const double above = gcam_detector_logit(gcam_detector_confidence(d, y, candidate, class));
        y[i] = was - step;
        const double below = gcam_detector_logit(gcam_detector_confidence(d, y, candidate, class));
        const double slope = (above - below) / ((double)(was + step) - (double)(was - step));
        y[i] = was;
        if (fabs(slope - dy[i]) > 2e-3 * (1 + fabs(slope)))
            fail("%s: d/dy[%zu] is %g, not %g", d->decoder->name, i, (double)dy[i], slope);
    }
    free(dy);
}

// A network's picture of 64 x 64 has 64 + 16 + 4 cells of 8, 16 and 32 pixels.
static void yolox(void)
{
    const GcamDetectTensor t = tensor("output", 1, 84, 7, 0);
    const GcamDetector d = find(NULL, &t, 1, 64);
    float y[84 * 7] = { 0 };
    CHECK_STR(d.decoder->name, "yolox");
    CHECK_INT(d.classes, 2);
    float *at = y + 7 * (64 + 4 * 2 + 1);       // row 2, column 1 of the cells of 16
    at[0] = 0.5f, at[1] = 0.25f, at[2] = logf(2), at[3] = logf(1), at[4] = 0.8f, at[5] = 0.1f, at[6] = 0.9f;
    check_box(&d, y, 73, 24 - 16, 36 - 8, 24 + 16, 36 + 8);
    double confidence = 0;
    CHECK_INT(gcam_detector_class(&d, y, 73, &confidence), 1);
    CHECK_NEAR(confidence, 0.72, 1e-6);
    check_slope(&d, y, FLOATS(y), 73, 1);
    GcamDetection list[GCAM_MOST_SUPPRESSED + 1];
    CHECK_INT(gcam_detector_detect(&d, y, 0.3, 0.5, list), 1);
    CHECK_INT(list[0].candidate, 73);
    CHECK_INT(list[0].class, 1);
    CHECK_INT(gcam_detector_detect(&d, y, 0.73, 0.5, list), 0);
    at[2] = NAN;
    CHECK_INT(gcam_detector_detect(&d, y, 0.3, 0.5, list), 0);
    GcamDetectTensor decoded = t;
    decoded.has_exp = 1;
    CHECK_STR(find(NULL, &decoded, 1, 64).decoder->name, "yolox-decoded");
}

static void yolov5_and_8(void)
{
    static float y[252 * 80];
    const GcamDetectTensor five = tensor("o", 1, 252, 7, 0), eight = tensor("o", 1, 6, 84, 0);
    const GcamDetectTensor raw = tensor("o", 1, 66, 84, 0);
    GcamDetector d = find(NULL, &five, 1, 64);
    CHECK_STR(d.decoder->name, "yolov5");
    memcpy(y + 7 * 200, (float[]){ 30, 20, 10, 8, 0.5f, 0.9f, 0.2f }, 7 * sizeof(float));
    check_box(&d, y, 200, 25, 16, 35, 24);
    CHECK_NEAR(gcam_detector_confidence(&d, y, 200, 0), 0.45, 1e-6);
    d = find("yolov5-raw", &five, 1, 64);       // level 1, anchor 0, row 1, column 2: 192 + 6
    memset(y, 0, sizeof(y));
    check_box(&d, y, 198, 40 - 15, 24 - 30.5, 40 + 15, 24 + 30.5);
    CHECK_NEAR(gcam_detector_confidence(&d, y, 198, 0), 0.25, 1e-6);
    check_slope(&d, y, 252 * 7, 198, 0);
    d = find("auto", &eight, 1, 64);
    CHECK_STR(d.decoder->name, "yolov8");
    for (int i = 0; i < 6; i++)
        y[84 * i + 3] = (float[]){ 30, 20, 10, 8, 0.25f, 0.75f }[i];
    check_box(&d, y, 3, 25, 16, 35, 24);
    CHECK_NEAR(gcam_detector_confidence(&d, y, 3, 1), 0.75, 1e-6);
    CHECK_NEAR(gcam_detector_logit(0.75), log(3), 1e-9);
    d = find("yolov8-raw", &raw, 1, 64);        // row 1, column 1 of 8; even distributions have the mean 7.5
    memset(y, 0, sizeof(y));
    y[84 * 2 + 9] = 100;                        // the left side is 2 strides away
    check_box(&d, y, 9, 12 - 16, 12 - 60, 12 + 60, 12 + 60);
    CHECK_NEAR(gcam_detector_confidence(&d, y, 9, 0), 0.5, 1e-9);
}

static void fastestdet(void)
{
    GcamDetectTensor t = tensor("758", 1, 8, 4, 4);
    GcamDetector d;
    CHECK_INT(gcam_detector_find(&d, &t, 1, 64, 64, NULL, NULL), 0);    // it may be a map of anything
    t.parts = 3, t.part[0] = 1, t.part[1] = 4, t.part[2] = 3;
    d = find(NULL, &t, 1, 64);
    CHECK_STR(d.decoder->name, "fastestdet");
    static float y[8 * 16];
    const float item[8] = { 0.5f, 0, 0.5493061f, 0, -1.0986123f, 0.1f, 0.7f, 0.2f };   // tanh 0.5, sigmoid 0.25
    for (int i = 0; i < 8; i++)
        y[16 * i + 6] = item[i];                // row 1, column 2
    check_box(&d, y, 6, 32 - 16, 24 - 8, 32 + 16, 24 + 8);
    CHECK_NEAR(gcam_detector_confidence(&d, y, 6, 1), pow(0.7, 0.4) * pow(0.5, 0.6), 1e-6);
    check_slope(&d, y, FLOATS(y), 6, 1);
}

static void nanodet_and_picodet(void)
{
    const GcamDetectTensor nano = tensor("output", 1, 85, 34, 0);
    GcamDetector d = find(NULL, &nano, 1, 64);
    static float y[85 * 34];
    CHECK_STR(d.decoder->name, "nanodet");
    CHECK_INT(d.classes, 2);
    float *at = y + 34 * 65;                    // row 0, column 1 of 16
    at[0] = 0.6f, at[2 + 1] = 50, at[2 + 8 + 0] = 50, at[2 + 16 + 2] = 50, at[2 + 24 + 7] = 50;
    check_box(&d, y, 65, 16 - 16, 0, 16 + 32, 7 * 16);
    CHECK_NEAR(gcam_detector_confidence(&d, y, 65, 0), 0.6, 1e-6);
    const GcamDetectTensor pico[2] = { tensor("scale_0", 1, 21, 4, 0), tensor("concat_0", 1, 3, 21, 0) };
    d = find(NULL, pico, 2, 32);
    CHECK_STR(d.decoder->name, "picodet");
    CHECK_INT(d.scores, 1);
    CHECK_INT(d.boxes, 0);
    memset(y, 0, sizeof(y));
    y[2 * 21 + 5] = 0.75f;
    memcpy(y + 63 + 4 * 5, (float[]){ 1, 2, 30, 20 }, 4 * sizeof(float));
    check_box(&d, y, 5, 1, 2, 30, 20);
    CHECK_NEAR(gcam_detector_confidence(&d, y, 5, 2), 0.75, 1e-6);
}

static void ssd_and_detr(void)
{
    GcamDetectTensor ssd[2] = { tensor("scores", 1, 10, 2, 0), tensor("boxes", 1, 10, 4, 0) };
    GcamDetector d;
    CHECK_INT(gcam_detector_find(&d, ssd, 2, 64, 64, NULL, NULL), 0);
    ssd[0].ends = "softmax";
    d = find(NULL, ssd, 2, 64);
    CHECK_STR(d.decoder->name, "ssd");
    CHECK_INT(d.classes, 1);
    float y[60] = { 0 };
    y[2 * 3 + 1] = 0.9f, y[2 * 3] = 0.1f;
    memcpy(y + 20 + 4 * 3, (float[]){ 0.25f, 0.5f, 0.75f, 1 }, 4 * sizeof(float));
    check_box(&d, y, 3, 16, 32, 48, 64);
    CHECK_NEAR(gcam_detector_confidence(&d, y, 3, 0), 0.9, 1e-6);
    check_slope(&d, y, 60, 3, 0);
    d = find("ssd-raw", ssd, 2, 64);
    y[6] = 0, y[7] = logf(3);
    CHECK_NEAR(gcam_detector_confidence(&d, y, 3, 0), 0.75, 1e-6);
    check_slope(&d, y, 60, 3, 0);
    const GcamDetectTensor detr[2] = { tensor("logits", 1, 5, 4, 0), tensor("pred_boxes", 1, 5, 4, 0) };
    d = find(NULL, detr, 2, 64);
    CHECK_STR(d.decoder->name, "detr");
    CHECK_INT(d.classes, 3);
    memset(y, 0, sizeof(y));
    y[4 * 2 + 1] = logf(5);
    memcpy(y + 20 + 4 * 2, (float[]){ 0.5f, 0.5f, 0.25f, 0.5f }, 4 * sizeof(float));
    check_box(&d, y, 2, 24, 16, 40, 48);
    CHECK_NEAR(gcam_detector_confidence(&d, y, 2, 1), 0.625, 1e-6);
    check_slope(&d, y, 40, 2, 1);
}

// boxes, classes and what stays: torchvision 0.29.2, ops.batched_nms and ops.nms.
static void suppresses_as_torchvision(void)
{
    static const float box[16][4] = {
        { 48.5f, -3, 73.5f, 51 }, { 32, 32.5f, 82, 77.5f }, { -2.5f, 53, 34.5f, 107 }, { 19.5f, 68.5f, 64.5f, 97.5f },
        { 5, -12.5f, 31, 40.5f }, { 22, 26.5f, 76, 53.5f }, { 11, 21, 31, 63 }, { 63.5f, 47, 112.5f, 69 },
        { 15, 60, 51, 80 }, { 41, 38, 73, 80 }, { 51, 2.5f, 107, 31.5f }, { 22.5f, 53.5f, 61.5f, 84.5f },
        { 40.5f, 76, 67.5f, 98 }, { -7, 42, 49, 76 }, { 62.5f, 32.5f, 83.5f, 79.5f }, { -5.5f, 49, 33.5f, 79 },
    };
    static const int class[16] = { 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 1, 0 };
    static const size_t by_class[] = { 0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 13 };
    static const size_t alone[] = { 0, 1, 2, 3, 4, 6, 7, 8, 10, 13 };
    for (int is_alone = 0; is_alone < 2; is_alone++) {
        GcamDetection list[16];
        for (size_t i = 0; i < 16; i++)
            list[i] = (GcamDetection){ { box[i][0], box[i][1], box[i][2], box[i][3] }, is_alone ? 0 : class[i], i, 0 };
        const size_t kept = gcam_detections_suppress(list, 16, 0.3, 16), want = is_alone ? 10 : 11;
        CHECK_INT(kept, want);
        for (size_t i = 0; i < kept && i < want; i++)
            CHECK_INT(list[i].candidate, is_alone ? alone[i] : by_class[i]);
        CHECK_INT(gcam_detections_suppress(list, kept, 0.3, 3), 3);
    }
    const GcamDetectBox a = { 48.5f, -3, 73.5f, 51 }, b = { 22, 26.5f, 76, 53.5f };
    CHECK_NEAR(gcam_box_overlap(&a, &b), 0.27897971868515015, 1e-7);    // ops.box_iou
}

// More candidates than are looked at: the surest ones are, in order, ties by index.
static void counts_are_bounded(void)
{
    const GcamDetectTensor t = tensor("output", 1, 2100, 6, 0);
    const GcamDetector d = find(NULL, &t, 1, 320);
    static float y[2100 * 6];
    static GcamDetection list[GCAM_MOST_SUPPRESSED + 1];
    for (size_t i = 0; i < 2100; i++) {
        y[6 * i + 4] = 1;
        y[6 * i + 2] = y[6 * i + 3] = -3;       // none overlaps with another
        y[6 * i + 5] = 0.5f + (float)(i * 37 % 2100 / 2) * 1e-4f;
    }
    CHECK_INT(gcam_detector_detect(&d, y, 0.3, 0.5, list), GCAM_MOST_DETECTIONS);
    for (size_t i = 1; i < GCAM_MOST_DETECTIONS; i++)
        CHECK(list[i - 1].confidence > list[i].confidence ||
              (list[i - 1].confidence == list[i].confidence && list[i - 1].candidate < list[i].candidate));
    CHECK_NEAR(list[0].confidence, 0.5 + 1049e-4, 1e-6);
}

static void wrong_ones_are_refused(void)
{
    GcamDetector d;
    const GcamDetectTensor t = tensor("output", 1, 83, 7, 0);
    CHECK_INT(gcam_detector_find(&d, &t, 1, 64, 64, NULL, NULL), 0);
    CHECK_INT(gcam_detector_find(&d, &t, 1, 64, 64, "yolox", NULL), -EINVAL);
    CHECK_INT(gcam_detector_find(&d, &t, 1, 64, 64, "yolo", NULL), -EINVAL);
}

int main(void)
{
    RUN(yolox);
    RUN(yolov5_and_8);
    RUN(fastestdet);
    RUN(nanodet_and_picodet);
    RUN(ssd_and_detr);
    RUN(suppresses_as_torchvision);
    RUN(counts_are_bounded);
    RUN(wrong_ones_are_refused);
    return end_cases();
}

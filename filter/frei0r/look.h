/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Heat for pictures of one size that come one after the other: a network on a background thread, and its newest map.
 */
#ifndef FREI0R_LOOK_H
#define FREI0R_LOOK_H

#include "gradcam_picture.h"

typedef struct GcamLook GcamLook;

// What is wished for. Texts are read during calls only.
typedef struct GcamWish {
    const char *model;          // "": the built-in network
    const char *class_text, *method;
    int stride;                 // frames from map to map, >= 1
    float opacity;              // 0..1
    enum GradcamColormap colormap;
    double smooth;              // seconds
    int live;                   // never wait for the network
} GcamWish;

// What of a wish is another than the last time.
enum {
    GCAM_CHANGED_MODEL = 1,
    GCAM_CHANGED_CLASS = 2,
    GCAM_CHANGED_METHOD = 4,
    GCAM_CHANGED_LOOK = 8,
    GCAM_CHANGED_ALL = 15,
};

// For pictures of width x height pixels. No network is opened yet: hosts make filters only to ask for their parameters.
int gcam_look_create(GcamLook **out, int width, int height);
void gcam_look_free(GcamLook **look);

// Draws on a picture in place: R, G, B, A of 8 bits, rows without gaps; alpha is left as it is. time: in seconds, or in
// milliseconds as FFmpeg before 7 has it, which the steps from picture to picture tell. Where something is wrong, one
// sentence goes to stderr and pictures stay as they are until something else is wished for.
void gcam_look_draw(GcamLook *look, const GcamWish *wish, unsigned changed, double time, uint8_t *rgba);

// A sentence to the host's log, which is its stderr.
void gcam_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures in and out through FFmpeg's libraries. All functions return a status (say.h).
 */
#ifndef GCAM_TOOLS_PICTURE_H
#define GCAM_TOOLS_PICTURE_H

#include <libavutil/frame.h>

// The first picture of a file, stream or device that FFmpeg reads ("-" is stdin), in its own pixel format;
// one that its camera held otherwise is turned upright, and is RGB then.
int picture_read(AVFrame **out, const char *path);

// The same picture in RGB, with 16 bits where it has more than 8, and with alpha where it has that or `alpha` is 1:
// ready to be painted on.
int picture_to_rgb(AVFrame **out, const AVFrame *frame, int alpha, const char *path);

// The same picture in RGB of 8 bits.
int picture_to_rgb8(AVFrame **out, const AVFrame *frame, const char *path);

// Whether the name ends in the name of a picture format that can be written; says so if not.
int picture_check_name(const char *path);

// Writes a picture, its format told from the name; "-" writes a PNG to stdout.
int picture_write(const char *path, const AVFrame *frame);

// The file that it would be under a name that ends so (".jpg"), into memory that the caller frees.
int picture_encode(const char *ending, const AVFrame *frame, uint8_t **data, size_t *size);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files as the command line writes and reads them. All functions return a status (say.h).
 */
#ifndef GCAM_TOOLS_FILES_H
#define GCAM_TOOLS_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "gradcam.h"

// As base/write_file.h has it: whole or not at all. "-" is stdout.
int file_save(const char *path, const void *data, size_t size);

// rows x columns floats, as a .npy or, under a name that ends so, .csv: a line for each row.
int map_save(const char *path, const float *data, int rows, int columns);
// Whether there is such a format of maps, or a sentence.
int map_check_name(const char *path);

// Numbers of a file, the last dimension varying fastest.
typedef struct Array {
    float *data;                // the caller's to free
    size_t count;
    int rank;
    size_t shape[GRADCAM_MAX_RANK];
} Array;

// Whether a name ends in .npy.
int npy_is_name(const char *path);

// All numbers of a .npy (float32, float64, int32, int64, uint8, int8, bool; little-endian, C order) as floats.
int npy_load(const char *path, Array *array);

// Whether an array has the shape of an input; one of them may lack a batch of 1. Says so if not.
int array_check(const Array *array, const GradcamInput *input, const char *path);

#endif

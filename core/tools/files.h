/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files as the command line writes and reads them. All functions return a status (say.h).
 */
#ifndef GCAM_TOOLS_FILES_H
#define GCAM_TOOLS_FILES_H

#include <stddef.h>
#include <stdint.h>

// The file appears under its name only when it is complete. "-" is stdout.
int file_save(const char *path, const void *data, size_t size);

// A .npy of rows x columns floats.
int npy_save(const char *path, const float *data, int rows, int columns);

// All numbers of a .npy (float32, float64, int32, int64, little-endian, C order) as floats. The caller
// frees *data.
int npy_load(const char *path, float **data, size_t *count);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Arrays as numpy saves them.
 */
#ifndef TESTS_NPY_H
#define TESTS_NPY_H

#include <stddef.h>

typedef struct Npy {
    int rank;
    size_t dim[8], count;
    float *floats;              // of a float32 array
    unsigned char *bytes;       // of a uint8 array
    long long *ints;            // of an int64 array
    char *text;                 // of a string (a numpy array of no dimensions), UTF-8
} Npy;

// Unpacks an .npz file (with python3's zipfile) into a directory of that name here. 1, or 0.
int npz_unpack(const char *npz, const char *directory);

// Reads DIRECTORY/KEY.npy. 1, or 0 when it is not there or has another type.
int npy_read(Npy *out, const char *directory, const char *key);
void npy_free(Npy *npy);

#endif

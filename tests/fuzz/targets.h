/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The fuzz targets: each takes any bytes, does all that the library does with such a file, and must neither
 * crash nor leak nor take long. They return 0 always. Seeds are what the mutations start from.
 *
 * For libFuzzer: clang -fsanitize=fuzzer,address,undefined -DFUZZ_TARGET=fuzz_onnx tests/fuzz/engine.c and
 * the rest.
 */
#ifndef TESTS_FUZZ_TARGETS_H
#define TESTS_FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>

// An .onnx file: import, simplify, classify, and where that goes well and the network is small, plan and run.
int fuzz_onnx(const uint8_t *data, size_t size);
// A .bin file, in the same way.
int fuzz_bin(const uint8_t *data, size_t size);
// An .onnx file and the file of external data beside it, in the same way: the size of the first in two bytes, both.
int fuzz_external(const uint8_t *data, size_t size);
// Calls of the functions for pictures, maps and motion, as the bytes choose (pictures.c).
int fuzz_picture(const uint8_t *data, size_t size);
// A text of labels, and the resolution of words from it.
int fuzz_labels(const uint8_t *data, size_t size);

// How many inputs were good enough to be opened, since the start.
extern long fuzz_opened;

typedef struct FuzzSeed {
    uint8_t *data;
    size_t size;
} FuzzSeed;

enum { FUZZ_SEEDS = 32 };

// Seeds of a target, made from graphs in text; how many. Each is to be freed.
int fuzz_onnx_seeds(FuzzSeed seeds[FUZZ_SEEDS]);
int fuzz_bin_seeds(FuzzSeed seeds[FUZZ_SEEDS]);
int fuzz_external_seeds(FuzzSeed seeds[FUZZ_SEEDS]);
int fuzz_picture_seeds(FuzzSeed seeds[FUZZ_SEEDS]);
int fuzz_labels_seeds(FuzzSeed seeds[FUZZ_SEEDS]);

#endif

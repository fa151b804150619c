/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The entry that libFuzzer calls; FUZZ_TARGET names the target. tests/fuzz/libfuzzer builds and runs it.
 */
#include "fuzz/targets.h"

#ifndef FUZZ_TARGET
#define FUZZ_TARGET fuzz_onnx
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return FUZZ_TARGET(data, size);
}

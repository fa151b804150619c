/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 600
 *
 * Damaged ONNX files: seeds and a few thousand mutations of each.
 */
#include "fuzz/mutate.h"

int main(int argc, char **argv)
{
    static const Fuzzer fuzzer = { "onnx", fuzz_onnx, fuzz_onnx_seeds };
    return fuzz_main(&fuzzer, argc, argv, 20000);
}

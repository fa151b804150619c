/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 1800
 *
 * Damaged ONNX files, at length.
 */
#include "fuzz/mutate.h"

int main(int argc, char **argv)
{
    static const Fuzzer fuzzer = { "onnx, long", fuzz_onnx, fuzz_onnx_seeds };
    return fuzz_main(&fuzzer, argc, argv, 300000);
}

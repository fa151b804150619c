/* SPDX-License-Identifier: LGPL-2.1-or-later
 * timeout: 600
 *
 * Damaged ONNX files with external data, and damaged data: seeds and a thousand mutations of each.
 */
#include "fuzz/mutate.h"

int main(int argc, char **argv)
{
    static const Fuzzer fuzzer = { "external", fuzz_external, fuzz_external_seeds };
    return fuzz_main(&fuzzer, argc, argv, 1000);
}

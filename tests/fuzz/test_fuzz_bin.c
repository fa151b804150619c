/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Damaged compiled models: seeds and a few thousand mutations of each.
 */
#include "fuzz/mutate.h"

int main(int argc, char **argv)
{
    static const Fuzzer fuzzer = { "bin", fuzz_bin, fuzz_bin_seeds };
    return fuzz_main(&fuzzer, argc, argv, 12000);
}
